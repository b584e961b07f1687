import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as SocketSource from "../../src/inspect/SocketSource.ts"
import * as SocketTable from "../../src/inspect/SocketTable.ts"
import { encode, formatTable, formatUnix, row } from "./sockets/ProcFiles.ts"

const listens = row()
const established = row({ stateCode: 1, peerAddress: "127.0.0.1", peerPort: 40_000, inode: 4243, uid: 1000 })
const client = row({
  ...{ stateCode: 1, localPort: 40_000, peerAddress: "127.0.0.1", peerPort: 1067, inode: 4244 },
  ...{ timerCode: 2, timerTicks: 720_000, probes: 2, retransmits: 9, sendQueue: 7, receiveQueue: 5 }
})
const timeWait = row({
  stateCode: 6,
  peerAddress: "127.0.0.1",
  peerPort: 40_001,
  inode: 0,
  timerCode: 3,
  timerTicks: 6_000
})
const unaccepted = row({ stateCode: 1, peerAddress: "127.0.0.1", peerPort: 40_002, inode: 0 })
const udp = row({ stateCode: 7, localPort: 69, inode: 5000, drops: 3, uid: 1000 })

const passwd = encode("root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\n")
const root = encode("Uid:\t0\t0\t0\t0\n")
const ann = encode("Uid:\t1000\t1000\t1000\t1000\n")

const files = (more: Readonly<Record<string, Uint8Array>> = {}) =>
  new Map(
    Object.entries({
      "/etc/passwd": passwd,
      "/proc/self/status": root,
      "/proc/sys/net/core/somaxconn": encode("4096\n"),
      "/proc/net/tcp": formatTable([timeWait, client, established, listens, unaccepted]),
      "/proc/net/udp": formatTable([udp]),
      "/proc/net/unix": formatUnix([0x10000, 1, 1, 6000, "/run/a.sock"], [0, 2, 1, 6001, "@a"], [0, 5, 3, 6002]),
      "/proc/7/stat": encode("7 (server) S 1 7"),
      "/proc/7/cmdline": encode("/bin/server\0--port\0"),
      "/proc/7/status": ann,
      "/proc/7/cgroup": encode("0::/system.slice/server.service\n"),
      ...more
    })
  )

const holds = (...sockets: ReadonlyArray<readonly [fd: number, inode: number]>) => new Map(sockets)

const sockets = new Map<number, ReadonlyMap<number, number> | "denied">([
  [7, holds([3, 4242], [4, 4243], [9, 4243], [5, 6000])],
  [8, holds([3, 4242], [1, 999])]
])

const listOf = (source: SocketSource.Access, options?: SocketTable.Options) =>
  Effect.provideService(SocketTable.list(options), SocketSource.SocketSource, source)

const namesOf = ({ local, path, peer, protocol, state }: SocketTable.Socket) =>
  local === undefined ? `${protocol} ${state} ${path ?? "-"}` : `${protocol} ${state} ${local.port} ${peer?.port}`

const holdersOf = ({ holders }: SocketTable.Socket) =>
  holders.map(({ descriptors, owner }) => [owner.pid, ...descriptors])

describe("SocketTable", () => {
  it.effect("lists sockets with processes, users and services, listeners first", () =>
    Effect.gen(function* () {
      const list = yield* listOf(SocketSource.fromFiles(files(), { sockets }))
      assert.deepStrictEqual(
        list.sockets.map((socket) => [namesOf(socket), socket.ownership, socket.service, socket.user]),
        [
          ["tcp listen 1067 0", "open", "rot13", "root"],
          ["tcp established 1067 40000", "open", "rot13", "ann"],
          ["tcp established 1067 40002", "unaccepted", "rot13", undefined],
          ["tcp established 40000 1067", "none", "rot13", "root"],
          ["tcp time-wait 1067 40001", "closed", "rot13", undefined],
          ["udp unconnected 69 0", "none", "tftp", "ann"],
          ["unix listen /run/a.sock", "open", undefined, undefined],
          ["unix unconnected @a", "none", undefined, undefined],
          ["unix established -", "none", undefined, undefined]
        ]
      )
      assert.deepStrictEqual(list.sockets.slice(0, 2).map(holdersOf), [
        [
          [7, 3],
          [8, 3]
        ],
        [[7, 4, 9]]
      ])
      assert.deepStrictEqual(
        list.sockets[0]?.holders.map(({ owner }) => owner),
        [
          {
            ...{ pid: 7, name: "server", commandLine: ["/bin/server", "--port"], parentPid: 1, uid: 1000, user: "ann" },
            ...{ controlGroup: "/system.slice/server.service", unit: "server.service" }
          },
          {
            ...{ pid: 8, name: "", commandLine: [], parentPid: undefined, uid: undefined, user: undefined },
            ...{ controlGroup: undefined, unit: undefined }
          }
        ]
      )
      assert.deepStrictEqual([list.notes, list.maxBacklog], [[], 4096])
      assert.deepInclude(list.sockets[3], {
        timer: { kind: "keepalive", remainingMillis: 7_200_000, retransmits: 2 },
        sendQueue: 7,
        receiveQueue: 5,
        drops: undefined
      })
      assert.strictEqual(list.sockets[5]?.drops, 3)
    })
  )

  it.effect("says what permissions hide: sockets of processes that are denied", () =>
    Effect.gen(function* () {
      const denied = new Map([...sockets, [9, "denied"] as const])
      const list = yield* listOf(SocketSource.fromFiles(files({ "/proc/self/status": ann }), { sockets: denied }))
      assert.deepStrictEqual(list.sockets.filter(({ ownership }) => ownership === "hidden").map(namesOf), [
        "tcp established 40000 1067",
        "udp unconnected 69 0",
        "unix unconnected @a",
        "unix established -"
      ])
      assert.deepStrictEqual(list.notes, [
        "no process is known for 4 sockets, and processes of other users are hidden; run as root to see theirs"
      ])
    })
  )

  it.effect("says what is hidden where /proc does not show other processes at all", () =>
    Effect.gen(function* () {
      const list = yield* listOf(SocketSource.fromFiles(files({ "/proc/self/status": ann }), { sockets }), {
        protocols: ["tcp"]
      })
      assert.deepStrictEqual(list.notes, [
        "no process is known for 1 socket, and processes of other users are hidden; run as root to see theirs"
      ])
    })
  )

  it.effect("lists the sockets of other network namespaces, and says which it cannot read", () =>
    Effect.gen(function* () {
      const namespaces = new Map<number | "self", number>([
        ["self", 1],
        [7, 1],
        [8, 2]
      ])
      const source = SocketSource.fromFiles(
        files({ "/proc/8/net/tcp": formatTable([row({ inode: 999, localPort: 80 })]), "/proc/9/comm": encode("x\n") }),
        { sockets: new Map([...sockets, [9, holds()] as const]), namespaces }
      )
      const list = yield* listOf(source, { listening: true, protocols: ["tcp"], otherNamespaces: true })
      assert.deepStrictEqual(
        list.sockets.map((socket) => [namesOf(socket), socket.namespace, holdersOf(socket).flat()]),
        [
          ["tcp listen 1067 0", undefined, [7, 3, 8, 3]],
          ["tcp listen 80 0", 2, [8, 1]]
        ]
      )
      assert.match(
        list.notes.join(),
        /^the network namespaces of processes that root must not inspect here are not listed/
      )
      const own = yield* listOf(source, { listening: true })
      assert.isTrue(own.sockets.every(({ namespace }) => namespace === undefined))
      assert.deepStrictEqual([own.notes, own.omittedNamespaces, list.omittedNamespaces], [[], 1, 0])
      assert.deepStrictEqual((yield* listOf(source, { pid: 8 })).sockets.map(namesOf), [
        "tcp listen 1067 0",
        "tcp listen 80 0"
      ])
    })
  )

  it.effect("combines conditions", () =>
    Effect.gen(function* () {
      const source = SocketSource.fromFiles(files(), { sockets })
      const select = (options: SocketTable.Options) =>
        Effect.map(listOf(source, options), (list) => list.sockets.map(namesOf))
      const all = (yield* listOf(source)).sockets
      const cases: ReadonlyArray<readonly [SocketTable.Options, ReadonlyArray<string>]> = [
        [
          { listening: true },
          ["tcp listen 1067 0", "udp unconnected 69 0", "unix listen /run/a.sock", "unix unconnected @a"]
        ],
        [{ listening: true, protocols: ["udp", "unix"], port: 69 }, ["udp unconnected 69 0"]],
        [{ port: 40_000 }, ["tcp established 1067 40000", "tcp established 40000 1067"]],
        [{ pid: 8 }, ["tcp listen 1067 0"]],
        [{ pid: 7, states: ["established"] }, ["tcp established 1067 40000"]],
        [{ states: ["time-wait", "listen"], protocols: ["tcp"] }, ["tcp listen 1067 0", "tcp time-wait 1067 40001"]],
        [{ pid: 7, protocols: ["udp"] }, []]
      ]
      for (const [options, expected] of cases) {
        assert.deepStrictEqual(yield* select(options), expected)
        assert.deepStrictEqual(SocketTable.filter(all, options).map(namesOf), expected)
      }
    })
  )

  it.effect("counts malformed lines and unknown states", () =>
    Effect.gen(function* () {
      const broken = new TextEncoder().encode("titles\ngarbage\n")
      const source = SocketSource.fromFiles(
        files({ "/proc/net/tcp6": broken, "/proc/net/tcp": formatTable([row({ stateCode: 99 }), row()]) }),
        { sockets }
      )
      assert.deepStrictEqual((yield* listOf(source)).notes, [
        "/proc/net/tcp: 1 malformed line was skipped",
        "/proc/net/tcp6: 1 malformed line was skipped"
      ])
    })
  )

  it.effect("says of the table of unix sockets that a name may have a line break, and reads it for no port", () =>
    Effect.gen(function* () {
      const lines = formatUnix([0, 1, 1, 7, "@a\nb"], [0, 1, 1, 8, "/tmp/c"])
      const source = SocketSource.fromFiles(files({ "/proc/net/unix": lines }), { sockets })
      const note = "/proc/net/unix: 1 line was skipped: the rest of a name with a line break, or malformed"
      assert.deepStrictEqual((yield* listOf(source)).notes, [note])
      assert.deepStrictEqual((yield* listOf(source, { protocols: ["unix"] })).notes, [note])
      assert.deepStrictEqual((yield* listOf(source, { protocols: ["tcp", "udp"] })).notes, [])
      assert.deepStrictEqual((yield* listOf(source, { port: 1067 })).notes, [])
      assert.deepStrictEqual((yield* listOf(source, { port: 1067, protocols: ["unix"] })).sockets, [])
    })
  )

  it.effect("counts sockets by their conditions, without a search of processes", () =>
    Effect.gen(function* () {
      const source = {
        ...SocketSource.fromFiles(files(), { sockets }),
        descriptors: () => assert.fail("the descriptors of a process were read")
      }
      const count = (options: SocketTable.Options) =>
        Effect.provideService(SocketTable.count(options), SocketSource.SocketSource, source)
      assert.strictEqual(yield* count({}), 9)
      assert.strictEqual(yield* count({ protocols: ["unix"] }), 3)
      assert.strictEqual(yield* count({ protocols: ["unix"], listening: true }), 2)
      assert.strictEqual(yield* count({ port: 40_000 }), 2)
      const error = yield* Effect.flip(
        Effect.provideService(SocketTable.count(), SocketSource.SocketSource, SocketSource.fromFiles(new Map()))
      )
      assert.strictEqual(error.reason, "Unreadable")
    })
  )

  it.effect("finds thousands of descriptors, and gives other fibers turns meanwhile", () =>
    Effect.gen(function* () {
      const count = 5_000
      const rows = Array.from({ length: count }, (_, at) => row({ stateCode: 1, peerPort: at + 1, inode: 10_000 + at }))
      const all = rows.map(({ inode }, at) => [at, inode] as const)
      const source = SocketSource.fromFiles(files({ "/proc/net/tcp": formatTable(rows) }), {
        sockets: new Map([
          [7, new Map(all)],
          [8, new Map(all.slice(0, 3_000))]
        ])
      })
      let turns = 0
      const other = yield* Effect.forkChild(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => turns++),
            Effect.yieldNow
          )
        )
      )
      const list = yield* listOf(source, { protocols: ["tcp"] })
      yield* Fiber.interrupt(other)
      assert.strictEqual(list.sockets.filter(({ holders }) => holders.length === 2).length, 3_000)
      assert.strictEqual(list.sockets.filter(({ holders }) => holders.length === 1).length, count - 3_000)
      assert.isAtLeast(turns, 2)
    })
  )

  it.effect("takes a process for hidden whose descriptors are listed, but not shown", () =>
    Effect.gen(function* () {
      const source: SocketSource.Access = {
        ...SocketSource.fromFiles(files(), { sockets }),
        socketInode: () => -1
      }
      const list = yield* listOf(source, { protocols: ["udp"] })
      assert.strictEqual(list.sockets[0]?.ownership, "hidden")
      assert.match(
        list.notes.join(),
        /^no process is known for 1 socket, and processes that root must not inspect here are hidden; allow/
      )
    })
  )

  it.effect("fails where there is no /proc", () =>
    Effect.gen(function* () {
      const messageOf = (source: SocketSource.Access) =>
        Effect.map(Effect.flip(listOf(source)), ({ message }) => message)
      assert.strictEqual(
        yield* messageOf({ ...SocketSource.fromFiles(files()), platform: "darwin" }),
        "cannot list sockets: darwin has no /proc/net (Linux only); use netstat -an or lsof -i"
      )
      assert.strictEqual(
        yield* messageOf(SocketSource.fromFiles(new Map())),
        "cannot list sockets: no table in /proc/net can be read; mount /proc"
      )
    })
  )

  it.effect("watch returns changes at each interval", () =>
    Effect.gen(function* () {
      const tables = [
        [listens, client],
        [listens, client],
        [listens, { ...client, stateCode: 8, sendQueue: 0 }, udp],
        [udp]
      ]
      let read = 0
      const source: SocketSource.Access = {
        ...SocketSource.fromFiles(files()),
        readFile: (path) =>
          path === "/proc/net/tcp"
            ? formatTable(tables[Math.min(read++, 3)]!.map((one) => ({ ...one, drops: undefined })))
            : undefined
      }
      const updates = SocketTable.watch({ interval: "5 seconds" }).pipe(
        Stream.take(4),
        Stream.map(({ changes }) => changes.map(({ before, kind, socket }) => [kind, namesOf(socket), before?.state])),
        Stream.runCollect,
        Effect.provideService(SocketSource.SocketSource, source)
      )
      const fiber = yield* Effect.forkChild(updates)
      yield* TestClock.adjust("14 seconds")
      assert.strictEqual(read, 3)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [
        [
          ["present", "tcp listen 1067 0", undefined],
          ["present", "tcp established 40000 1067", undefined]
        ],
        [],
        [
          ["new", "tcp unconnected 69 0", undefined],
          ["changed", "tcp close-wait 40000 1067", "established"]
        ],
        [
          ["gone", "tcp listen 1067 0", undefined],
          ["gone", "tcp close-wait 40000 1067", undefined]
        ]
      ])
    })
  )
})
