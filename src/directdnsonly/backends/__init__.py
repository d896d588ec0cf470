"""5 publish: drives each type of name server through its control interface, behind the contract in `contract.py`."""
