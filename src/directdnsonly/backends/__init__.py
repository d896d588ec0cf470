"""5 publish: one file per name server's control side, behind the contract of `contract.py`."""
