"""Takes an order when there is enough in stock: orders.py STOCK_PORT."""
import sys
import time

import service

STOCK = int(sys.argv[1])


def answer(_method, path):
    article = int(path.rsplit("/", 1)[1])
    time.sleep(0.004)
    if service.call(STOCK, "GET", f"/stock/{article}")["left"] == 0:
        raise service.Failure(409, "sold out")
    return {"order": 1000 + article}


service.serve(answer)
