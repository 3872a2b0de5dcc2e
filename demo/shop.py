"""What the customer talks to: shop.py ORDERS_PORT STOCK_PORT."""
import sys

import service

ORDERS, STOCK = int(sys.argv[1]), int(sys.argv[2])


def answer(method, path):
    article = path.rsplit("/", 1)[1]
    left = service.call(STOCK, "GET", f"/stock/{article}")["left"]
    if method == "GET":
        return {"article": article, "left": left}
    return service.call(ORDERS, "POST", f"/orders/{article}", {"count": 1})


service.serve(answer)
