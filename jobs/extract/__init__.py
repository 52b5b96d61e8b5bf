"""Extract: bring deliveries from the departments' own systems, each as a folder of files such as an inbox has.

A supplier is a class with two methods. What it brings is landed, checked and numbered like any folder of the inbox; so a night ends in
the same digests whichever way it came.
"""

from jobs.extract.place import Supplier, only_deliveries, secret
from jobs.extract.suppliers import SECRETS, open_supplier

__all__ = ["SECRETS", "Supplier", "only_deliveries", "open_supplier", "secret"]
