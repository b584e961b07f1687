import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Binding, findConflict } from "../../../../src/cli/run/up/bindings.ts"

const port = (host: string, change: Partial<Extract<Binding, { readonly _tag: "Port" }>> = {}): Binding => ({
  ...{ _tag: "Port", protocol: "tcp", host, port: 1_067, isShared: false },
  ...change
})

const conflict = (one: Binding, other: Binding) =>
  findConflict([
    { owner: "a", binding: one },
    { owner: "b", binding: other }
  ])

/** Pairs of addresses, and whether the system binds both with the same port. */
const pairs: ReadonlyArray<readonly [one: string, other: string, fits: boolean]> = [
  ["127.0.0.1", "127.0.0.1", false],
  ["127.0.0.1", "127.0.0.2", true],
  ["0.0.0.0", "127.0.0.1", false],
  ["::", "127.0.0.1", false],
  ["::", "0.0.0.0", false],
  ["::", "::1", false],
  ["::1", "0.0.0.0", true],
  ["::1", "127.0.0.1", true],
  ["::ffff:127.0.0.1", "127.0.0.1", false],
  ["0:0:0:0:0:0:0:1", "::1", false]
]

/** Listens on an address until the scope closes; returns the port, or undefined if the system refuses it. */
const listen = (host: string, port: number) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer()
      server.once("error", () => resume(Effect.succeed(server)))
      server.listen({ host, port }, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo | null)?.port))

describe("bindings.findConflict", () => {
  it.live.each(pairs)("of %s and %s agrees with the system", ([one, other, fits]) =>
    Effect.gen(function* () {
      assert.strictEqual(conflict(port(one), port(other)) === undefined, fits)
      assert.strictEqual(conflict(port(other), port(one)) === undefined, fits)
      const bound = yield* listen(one, 0)
      assert.isDefined(bound)
      assert.strictEqual((yield* listen(other, bound!)) !== undefined, fits)
    }).pipe(Effect.scoped)
  )

  it("takes the protocol, the port and sharing into account", () => {
    assert.isUndefined(conflict(port("::1"), port("::1", { protocol: "udp" })))
    assert.isUndefined(conflict(port("::1"), port("::1", { port: 1_068 })))
    assert.isUndefined(conflict(port("::1", { port: 0 }), port("::1", { port: 0 })))
    assert.isUndefined(conflict(port("::1", { isShared: true }), port("::1", { isShared: true })))
    assert.isDefined(conflict(port("::1", { isShared: true }), port("::1")))
    assert.isUndefined(conflict(port("fe80::1%eth0"), port("fe80::1%eth1")))
    assert.isDefined(conflict(port("fe80::1%eth0"), port("fe80::1%eth0")))
  })

  it("finds two owners of a unix socket", () => {
    const path = { _tag: "Path", path: "/run/s" } as const
    assert.strictEqual(conflict(path, path), "a and b both need the socket /run/s; give one of them another path")
    assert.isUndefined(conflict(path, { ...path, path: "/run/t" }))
    assert.isUndefined(conflict(path, port("::")))
  })

  it("says what to change", () => {
    assert.strictEqual(
      conflict(port("::"), port("127.0.0.1")),
      "a on :: and b on 127.0.0.1 both need tcp port 1067; give one of them another port"
    )
  })
})
