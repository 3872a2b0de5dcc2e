"""Compares spans with what really happened: right, refused or WRONG. Wrong must be 0."""

from collections import Counter, defaultdict

KNOWN = ("http.request.method", "http.response.status_code")
SAME_ON_BOTH_SIDES = (
    *KNOWN,
    "http.request.body.size",
    "http.response.body.size",
)


def score(spans, traffics, lossy=False):
    """Prints one line per hop and fails if a span is missing or double, or a link is not as the hop demands.
    `lossy`: events were lost, so spans and links may be missing. Those that are there must be right."""
    book = Book(spans, lossy)
    print(f"{'hop':<18}{'load':<18}{'asked':>5}  {'client span to its caller':<70}{'server span to its client span'}")
    for traffic in traffics:
        for hop, caller in zip(traffic.hops, [None, *traffic.hops]):
            calls, receives = Counter(), Counter()
            for order in traffic.ids:
                book.compare(hop, hop.caller or (caller and caller.name), order, calls, receives)
            print(f"{hop.name:<18}{traffic.label:<18}{len(traffic.ids):>5}  {show(calls):<70}{show(receives)}")
    expected = {f"/{hop.name}/{order}" for traffic in traffics for hop in traffic.hops for order in traffic.ids}
    book.problems += [f"a span that nobody asked for: {span}" for span in spans if span.path not in expected]
    assert not book.problems, "\n  ".join([f"{len(book.problems)} problems", *book.problems[:8]])


class Book:
    """All spans by what they stand for, and what is wrong with them."""

    def __init__(self, spans, lossy):
        self.lossy = lossy
        self.problems = []
        self.ids = {span.span_id for span in spans}
        self.by_request = defaultdict(list)
        for span in spans:
            self.by_request[span.path, span.kind].append(span)
        if len(self.ids) != len(spans):
            self.problems.append(f"{len(spans)} spans have {len(self.ids)} ids")

    def one(self, path, kind):
        found = self.by_request.get((path, kind), [])
        if len(found) > 1 or not (found or self.lossy):
            self.problems.append(f"{path}: {len(found)} {kind} spans {found}")
        return found[0] if found else None

    def compare(self, hop, caller, order, calls, receives):
        path = f"/{hop.name}/{order}"
        client, server = self.one(path, "client"), self.one(path, "server")
        parent = next(iter(self.by_request.get((f"/{caller}/{order}", "server"), [])), None)
        if client:
            verdict = self.judge(client, parent, is_root=not caller)
            calls[f"{verdict} ({client.link or client.refused})" if caller else verdict] += 1
            if not (self.acceptable(verdict, client.link, hop.link)):
                self.problems.append(
                    f"{path}: link is {verdict} by {client.link}, not {hop.link}: {client} of {parent}"
                )
        if server:
            verdict = self.judge(server, client, is_root=False)
            receives[verdict] += 1
            if not self.arrived(verdict, server, hop.arrives):
                self.problems.append(f"{path}: server span is {verdict}: {server} of {client}")
        if client and server:
            self.problems += self.contradictions(client, server)

    def judge(self, child, parent, is_root):
        """How the link of `child` to its true parent came out."""
        if not child.has_parent():
            return "right" if is_root else "refused" if child.refused else "unlinked"
        if not parent and self.lossy and not is_root:
            return "WRONG" if child.parent in self.ids else "right"  # the parent's own span was lost
        if not parent or (child.parent, child.trace_id) != (parent.span_id, parent.trace_id):
            return "WRONG"
        # A call is timed when its write returns: by then the other node's agent may have seen it read, and nothing but
        # the clocks of two nodes relates the two times.
        apart_ns = 1_000_000 if child["tracelet.link"] == "peer" else 0
        return "right" if child.start + apart_ns >= parent.start else "before its parent"

    def acceptable(self, verdict, rule, wanted):
        if self.lossy:
            return verdict in ("right", "refused", "unlinked")
        if wanted in ("root", "refused"):
            return verdict == {"root": "right", "refused": "refused"}[wanted]
        if wanted == "either":
            return verdict in ("right", "refused")
        return verdict == "right" and rule == wanted

    def arrived(self, verdict, server, wanted):
        rule, _, refusal = wanted.partition(" or ")
        if refusal and verdict == "refused":
            return server.refused == refusal
        return self.acceptable(verdict, server.link, rule)

    def contradictions(self, client, server):
        """What must be equal on both sides of one request."""
        for key in SAME_ON_BOTH_SIDES:
            values = client[key], server[key]
            if None in values and (self.lossy or key not in KNOWN):
                continue  # the size of a chunked body is known only where all of its framing was seen
            if values[0] != values[1] or values[0] is None:
                yield f"{client.path}: {key} is {values[0]} at the client, {values[1]} at the server"
        if client.end < client.start or server.end < server.start:
            yield f"{client.path}: ends before it starts"


def show(counter):
    return ", ".join(f"{count} {word}" for word, count in sorted(counter.items()))
