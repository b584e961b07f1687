import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import type { Socket } from "../../../src/inspect/sockets/Socket.ts"
import * as SocketDiff from "../../../src/inspect/sockets/SocketDiff.ts"
import * as SocketFilter from "../../../src/inspect/sockets/SocketFilter.ts"
import * as SocketRecords from "../../../src/inspect/sockets/SocketRecords.ts"
import { between, row } from "./ProcFiles.ts"

const tcp = (given: Parameters<typeof row>[0]) => SocketRecords.ofInet(row(given), "tcp", undefined)!
const unix = (inode: number, path: string) =>
  SocketRecords.ofUnix({ flags: 0, typeCode: 1, stateCode: 2, inode, path }, undefined)!

/** Sockets that are often alike: few addresses, ports, inodes and states. */
const anySocket = Arbitrary.map(
  Arbitrary.all([between(0, 3), between(0, 2), between(0, 2), between(1, 11), between(0, 3)]),
  ([kind, localPort, peerPort, stateCode, inode]): Socket =>
    kind === 0 ? unix(inode, `/${localPort}`) : tcp({ localPort, peerPort, stateCode, inode, receiveQueue: kind })
)
const anySockets = Arbitrary.array(anySocket, { maxLength: 12 })

const keysOf = (sockets: ReadonlyArray<Socket>) => [...SocketDiff.index(sockets).keys()].sort()

describe("SocketDiff", () => {
  it("knows a connection that its process has closed by its ends", () => {
    const open = tcp({ stateCode: 1, peerAddress: "10.0.0.1", peerPort: 80, inode: 5 })
    const closed = tcp({ stateCode: 6, peerAddress: "10.0.0.1", peerPort: 80, inode: 0 })
    assert.deepStrictEqual(SocketDiff.diff([open], [closed]), [{ kind: "changed", socket: closed, before: open }])
  })

  it("knows listeners of one port by their inodes, and ignores timers", () => {
    const [one, other] = [tcp({ inode: 5 }), tcp({ inode: 6 })]
    assert.deepStrictEqual(
      SocketDiff.diff([one, other], [tcp({ inode: 6, timerCode: 2, timerTicks: 9 })]).map(({ kind, socket }) => [
        kind,
        socket.inode
      ]),
      [["gone", 5]]
    )
  })

  it("notices another process that has the socket open", () => {
    const process = { pid: 1, name: "a", commandLine: [], parentPid: 0, uid: 0, user: "", controlGroup: "", unit: "" }
    const held = (pid: number) => ({ ...tcp({}), holders: [{ owner: { ...process, pid }, descriptors: [3] }] })
    assert.strictEqual(SocketDiff.diff([held(1)], [held(1)]).length, 0)
    assert.strictEqual(SocketDiff.diff([held(1)], [held(2)])[0]?.kind, "changed")
  })

  it.prop("keeps each socket, also those with one key", [anySockets], ([sockets]) => {
    assert.deepStrictEqual([...SocketDiff.index(sockets).values()].length, sockets.length)
  })

  it.prop("finds no change in one list", [anySockets], ([sockets]) => {
    assert.deepStrictEqual(SocketDiff.diff(sockets, sockets), [])
  })

  it.prop(
    "leads from one list to the other: keys that are new come, those that are gone leave",
    [anySockets, anySockets],
    ([before, after]) => {
      const changes = SocketDiff.diff(before, after)
      const count = (kind: string) => changes.filter((change) => change.kind === kind).length
      const [earlier, later] = [new Set(keysOf(before)), new Set(keysOf(after))]
      assert.strictEqual(count("new"), [...later].filter((key) => !earlier.has(key)).length)
      assert.strictEqual(count("gone"), [...earlier].filter((key) => !later.has(key)).length)
      assert.strictEqual(before.length + count("new") - count("gone"), after.length)
    }
  )

  it.prop("the order of the list is the same from any order of the table", [anySockets], ([sockets]) => {
    const sorted = sockets.toSorted(SocketFilter.compare)
    assert.deepStrictEqual(sockets.toReversed().sort(SocketFilter.compare).map(textOf), sorted.map(textOf))
  })
})

const textOf = ({ inode, local, path, peer, state }: Socket) => [inode, local?.port, path, peer?.port, state].join(" ")
