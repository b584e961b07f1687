"""Opens sockets of all kinds and states, prints its processes, and holds the sockets until its input ends."""
import json
import os
import socket
import sys

mode, folder = sys.argv[1:3]
# An address of its own: other programs have the ports of 127.0.0.1.
host = "127.0.0.77" if mode == "all" else "127.0.0.1"
held = []


def hold(*sockets):
    held.extend(sockets)
    return sockets[0]


def listen(address=host, backlog=5, family=socket.AF_INET):
    listener = socket.socket(family)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((address, 0))
    listener.listen(backlog)
    return hold(listener)


def connect(listener, address=host, family=socket.AF_INET):
    client = socket.socket(family)
    client.connect((address, listener.getsockname()[1]))
    return hold(client)


def pair(listener, **more):
    client = connect(listener, **more)
    return client, hold(listener.accept()[0])


def tcp():
    first = listen()
    pair(first)
    client, server = pair(first)
    client.sendall(b"x" * 1000)
    client, server = pair(first)
    client.shutdown(socket.SHUT_WR)
    # Closed by the client only, then by the client first and by the server after it.
    client, server = pair(first)
    client.close()
    client, server = pair(first)
    client.close()
    server.recv(1)
    server.close()
    # A full window: the data and the FIN behind it cannot be sent.
    client, server = pair(first)
    client.setblocking(False)
    try:
        while True:
            client.send(b"x" * 65536)
    except BlockingIOError:
        pass
    client.close()
    client, server = pair(first)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # Two connections wait for accept, and one for a place in the backlog.
    waiting = listen()
    connect(waiting), connect(waiting)
    full = listen(backlog=0)
    connect(full)
    beyond = socket.socket()
    beyond.setblocking(False)
    beyond.connect_ex((host, full.getsockname()[1]))
    hold(beyond)
    both = listen("::", family=socket.AF_INET6)
    pair(both)
    pair(both, address="::1", family=socket.AF_INET6)
    listen("0.0.0.0")


def udp():
    free = socket.socket(type=socket.SOCK_DGRAM)
    free.bind((host, 0))
    other = socket.socket(type=socket.SOCK_DGRAM)
    other.connect(free.getsockname())
    hold(free, other)
    small = socket.socket(type=socket.SOCK_DGRAM)
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.bind((host, 0))
    hold(small)
    for _ in range(100):
        free.sendto(b"x" * 500, small.getsockname())
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.bind(("::1", 0))
    hold(six)


def unix():
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/stream")
    listener.listen(5)
    for _ in range(2):
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{folder}/stream")
        hold(client)
    hold(listener, listener.accept()[0])
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0inet-{os.getpid()}")
    abstract.listen(5)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.bind(f"{folder}/dgram")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.connect(f"{folder}/dgram")
    alone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    alone.bind(f"{folder}/alone")
    hold(abstract, datagrams, sender, alone, socket.socket(socket.AF_UNIX))
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        hold(*socket.socketpair(socket.AF_UNIX, kind))


pids = [os.getpid()]
if mode == "all":
    tcp()
    udp()
    unix()
    # A second process has the sockets open, too, until the first one ends.
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    pids.append(child)
else:
    pair(listen())
    hold(socket.socket(type=socket.SOCK_DGRAM)).bind((host, 0))
print(json.dumps(pids), flush=True)
sys.stdin.read()
