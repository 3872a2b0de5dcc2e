"""How many are left. Slow for one article, and broken for another."""
import time

import service


def answer(_method, path):
    article = int(path.rsplit("/", 1)[1])
    if article == 13:
        raise service.Failure(503, "the shelf has fallen down")
    if article == 40:
        time.sleep(0.12)
    return {"article": article, "left": article % 7}


service.serve(answer)
