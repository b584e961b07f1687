import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as SimPorts from "../../../src/simulation/network/SimPorts.ts"

const binding = (address: string, reusePort = false) =>
  SimPorts.bindingTo(NetAddress.ipFromStringUnsafe(address), reusePort)

const addresses = ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0"]

describe("SimPorts", () => {
  it("conflict is symmetric, and that of an address with itself", () => {
    for (const one of addresses) {
      assert.isTrue(SimPorts.conflicts(binding(one), binding(one)), one)
      for (const other of addresses) {
        const both = [binding(one), binding(other)] as const
        assert.strictEqual(SimPorts.conflicts(...both), SimPorts.conflicts(both[1], both[0]), `${one} ${other}`)
        assert.isFalse(SimPorts.conflicts(binding(one, true), binding(other, true)))
        assert.strictEqual(SimPorts.conflicts(binding(one, true), binding(other)), SimPorts.conflicts(...both))
      }
    }
  })

  it("two bindings conflict if an address exists that both cover", () => {
    for (const one of addresses)
      for (const other of addresses) {
        const both = [binding(one), binding(other)] as const
        const shared = ["127.0.0.1", "127.0.0.2", "10.0.0.1", "::1", "fd00::1"].some((address) =>
          both.every((each) => SimPorts.score(each, address) > 0)
        )
        assert.strictEqual(SimPorts.conflicts(...both), shared, `${one} ${other}`)
      }
  })

  it("an address takes a client before the wildcard of its family, and that before ::", () => {
    const scores = (to: string) => addresses.map((address) => SimPorts.score(binding(address), to))
    assert.deepStrictEqual(scores("127.0.0.1"), [3, 0, 0, 3, 2, 1, 2])
    assert.deepStrictEqual(scores("::1"), [0, 0, 3, 0, 0, 2, 0])
  })

  const remote = { address: "10.0.0.2", port: 80 }

  it("a port is free after TIME_WAIT, or at once without", () => {
    const ports = SimPorts.make(() => false)
    const [one, other] = [0, 1].map(() => SimPorts.connect(ports, "10.0.0.1", remote, 0)!) as [
      SimPorts.Use,
      SimPorts.Use
    ]
    const isTaken = ({ local }: SimPorts.Use, now: number) =>
      SimPorts.isTaken(ports, local.port, binding("0.0.0.0"), now)
    assert.deepStrictEqual([isTaken(one, 0), isTaken(other, 0)], [true, true])
    SimPorts.release(ports, one, 5, true)
    SimPorts.release(ports, other, 5, false)
    assert.deepStrictEqual([isTaken(one, 60e9), isTaken(other, 5)], [true, false])
    assert.isFalse(isTaken(one, 60e9 + 5))
    assert.isFalse(SimPorts.isTaken(ports, one.local.port, binding("::1"), 5), "an IPv4 port is free for IPv6")
  })

  it("ephemeral ports run out for one remote address, and not for another", () => {
    const ports = SimPorts.make((port) => port === 40_000)
    const taken = new Set<number>()
    for (let use = SimPorts.connect(ports, "10.0.0.1", remote, 0); use !== undefined; ) {
      taken.add(use.local.port)
      use = SimPorts.connect(ports, "10.0.0.1", remote, 0)
    }
    assert.strictEqual(taken.size, 60_999 - 32_768)
    assert.isFalse(taken.has(40_000), "a listener has it")
    assert.isUndefined(SimPorts.ephemeral(ports, 0))
    assert.isDefined(SimPorts.connect(ports, "10.0.0.1", { ...remote, port: 81 }, 0))
  })
})
