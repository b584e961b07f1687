import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SocketSource from "../../../src/inspect/SocketSource.ts"
import * as SocketTables from "../../../src/inspect/sockets/SocketTables.ts"
import { encode, formatTable, row } from "./ProcFiles.ts"

const counts = (tcp: number, timeWaits: number, udp: number, tcp6: number, udp6: number) =>
  [
    "sockets: used 100",
    `TCP: inuse ${tcp} orphan 0 tw ${timeWaits} alloc 7 mem 1`,
    `UDP: inuse ${udp} mem 0`,
    "UDPLITE: inuse 0",
    "FRAG: inuse 0 memory 0",
    `TCP6: inuse ${tcp6}`,
    `UDP6: inuse ${udp6}`,
    ""
  ].join("\n")

const emptyOf = (...numbers: Parameters<typeof counts>) => [...SocketTables.emptyTables(counts(...numbers))].sort()

describe("SocketTables", () => {
  it("finds the tables without sockets by the counts of the kernel", () => {
    assert.deepStrictEqual(emptyOf(0, 0, 0, 0, 0), ["tcp", "tcp6", "udp", "udp6"])
    assert.deepStrictEqual(emptyOf(5, 0, 6, 0, 7), ["tcp6"])
    assert.deepStrictEqual(emptyOf(5, 0, 0, 7, 0), ["udp", "udp6"])
  })

  it("takes no table of TCP for empty while a connection of any family is in TIME-WAIT", () => {
    assert.deepStrictEqual(emptyOf(0, 1, 0, 0, 0), ["udp", "udp6"])
  })

  it("takes no table for empty whose counts are missing or malformed", () => {
    assert.strictEqual(SocketTables.emptyTables("").size, 0)
    assert.strictEqual(SocketTables.emptyTables("TCP: inuse orphan 0 tw 0\nUDP: inuse x\nTCP6: inuse 0\n").size, 0)
  })

  it.prop("emptyTables never throws", [Schema.String], ([text]) => {
    SocketTables.emptyTables(text)
  })

  it.effect("reads no table that is empty", () =>
    Effect.gen(function* () {
      const read: string[] = []
      const files = new Map([
        ["/proc/net/sockstat", encode(counts(1, 0, 0, 0, 0))],
        ["/proc/net/tcp", formatTable([row()])]
      ])
      const source = SocketSource.fromFiles(files)
      const access: SocketSource.Access = {
        ...source,
        readFile: (path) => {
          read.push(path)
          return source.readFile(path)
        }
      }
      const { records } = yield* SocketTables.read(access, [{ namespace: undefined, path: "/proc/net" }])
      assert.strictEqual(records.length, 1)
      assert.deepStrictEqual(read, ["/proc/net/sockstat", "/proc/net/sockstat6", "/proc/net/tcp", "/proc/net/unix"])
    })
  )
})
