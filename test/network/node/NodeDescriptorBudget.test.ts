import { assert, describe, it } from "@effect/vitest"
import * as NetAddress from "effect/net/NetAddress"
import * as NodeDescriptorBudget from "../../../src/network/node/NodeDescriptorBudget.ts"

const address = NetAddress.inetAddressFromIpStringUnsafe("127.0.0.1", 1067)

/** A socket that closes on demand. */
const socket = () => {
  let close = () => {}
  return { on: (_: "close", listener: () => void) => (close = listener), close: () => close() }
}

describe("NodeDescriptorBudget", () => {
  it("keeps 64 descriptors of a usual limit, and counts the sockets", () => {
    const budget = NodeDescriptorBudget.make(1_024, () => 900)
    assert.strictEqual(budget.available(), 960)
    const [one, other] = [socket(), socket()]
    budget.track(one)
    budget.track(other)
    assert.strictEqual(budget.available(), 958)
    one.close()
    assert.strictEqual(budget.available(), 959)
    assert.match(budget.exhausted(address).message, /^127\.0\.0\.1:1067: too many open files \(limit 1024, 64 of them /)
  })

  it.each([
    [40, 22, 10],
    [48, 22, 18],
    [64, 22, 34],
    [256, 22, 226],
    [48, 45, -5]
  ] as const)("of a limit of %i with %i open descriptors, %i are available", (limit, open, available) => {
    const budget = NodeDescriptorBudget.make(limit, () => open)
    // A socket is among the open ones.
    budget.track(socket())
    assert.strictEqual(budget.available(), available)
    assert.include(budget.exhausted(address).message, `(limit ${limit}, 8 of them reserved for other files)`)
  })

  it("lets a socket stay that takes the last descriptor", () => {
    let open = 39
    const counted = NodeDescriptorBudget.make(48, () => open)
    open++
    assert.deepStrictEqual([counted.available(), counted.fits()], [0, true])
    open++
    assert.isFalse(counted.fits())
    const tracked = NodeDescriptorBudget.make(1_024)
    for (let at = 0; at < 959; at++) tracked.track(socket())
    assert.isTrue(tracked.fits())
    tracked.track(socket())
    assert.isFalse(tracked.fits())
  })

  it.each([
    [1_024, 900, 960, 951],
    [64, 22, 34, 28]
  ] as const)("of a limit of %i, what others reserve is not available", (limit, open, before, after) => {
    const budget = NodeDescriptorBudget.make(limit, () => open)
    assert.strictEqual(budget.available(), before)
    // Three of the nine are among the open descriptors.
    const release = NodeDescriptorBudget.reserve({ sockets: 9, open: () => 3 })
    assert.strictEqual(budget.available(), after)
    release()
    assert.strictEqual(budget.available(), before)
  })

  it.each([
    [128, 40, 4],
    [128, 64, 4],
    [128, 300, 18],
    [128, 2_048, 128],
    [128, Number.POSITIVE_INFINITY, 128],
    [16, 300, 16],
    [2, 40, 2]
  ] as const)("of %i connections and a limit of %i, a side server has %i", (max, limit, share) => {
    assert.strictEqual(NodeDescriptorBudget.shareOf(max, limit), share)
  })

  it("counts the descriptors of this process", () => {
    const available = NodeDescriptorBudget.make(256).available()
    if (process.platform !== "linux") return
    assert.isAtMost(available, 256 - 8 - 3)
    assert.isTrue(Number.isInteger(available))
  })
})
