"""What an operator can do and see, without HTTP: each act is one method that does it and tells the journal who asked.

The API's routers and the pages are thin above it: they read a request, call one of these, and show what came of it. An act
that cannot be done raises from the one tree of errors (`NotHere`, `DoesNotFit`, `NotAllowed`, `PushRefused`); who catches
decides how that looks. `journal` keeps and logs, for this room and for those below, which are handed it.
"""
