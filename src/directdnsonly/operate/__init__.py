"""What an operator can do and see, without HTTP: each act is one method that carries it out and tells the journal who asked.

The API's routers and the pages are a thin layer above: they read a request, call one of these, and show the result. An act
that cannot be carried out raises an error of the one hierarchy (`NotHere`, `DoesNotFit`, `NotAllowed`, `PushRefused`); the
caller decides how to show it. `journal` logs and keeps events, for this package and for those below that are given it.
"""
