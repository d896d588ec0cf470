"""The CoreDNS backends: zone files read by its plug-in `auto`, or MySQL tables read by a MySQL plug-in."""
