"""6 verify: queries the name server itself and judges its answers.

What is here
    `wire` writes questions and reads answers (SOA and little else, octets in, values out), `query` asks by UDP with TCP
    behind it, `transfer` counts or reads a zone by AXFR, `content` compares records, `compare` judges. `wire`, `content` and
    `compare` are pure. `verifier` asks all name servers of a backend until each zone is as wanted or patience is over.

What proves what
    serial    the SOA, with authority (AA) and the wanted serial. Enough when the serial tells old from new.
    count     the number of records too, where a transfer or the backend tells it: a file cut short, a table half written.
    content   every record by transfer or from the backend, else a sample of RRsets. Asked for by configuration, and always
              where the serial does not tell (two versions under one serial, a serial of 0) or where a name server is known to
              rewrite what it is given.
    A deleted zone is proven gone by an answer without its SOA (REFUSED, or that of a parent zone); never by silence or SERVFAIL.

Invariants
    1. Silence proves nothing, neither presence nor absence; nor does SERVFAIL.
    2. All name servers of the backend prove a zone, or it is not proven.
    3. A count or a comparison that could not be made is UNREAD, and UNREAD is not PROVEN.
    4. Lanes, sweeps, `/served` and `explain` judge by the same functions with the same facts.
    5. A question costs no more when there are more zones; a slow zone of a batch delays only itself.

Open holes
    We ask at the address we are given: an anycast node or a load balancer's other member is seen only when it is
    configured as a server of its own. What a resolver has cached we neither know nor ask. Under depth `serial` records that
    somebody changed without touching the serial are not seen until a pass that compares content.
"""
