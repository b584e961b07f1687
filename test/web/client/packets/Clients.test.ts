import { assert, describe, it } from "@effect/vitest"
import * as Clients from "../../../../src/web/client/packets/Clients.ts"

const server = "10.0.0.1:69"

const packets = (...pairs: ReadonlyArray<readonly [from: string, to: string]>) =>
  pairs.map(([from, to]) => ({ from, to }))

describe("Clients", () => {
  it("are the ends that are not the service, the newest first", () => {
    const found = Clients.add(Clients.none, packets(["a:1", server], [server, "a:1"], ["b:2", server]), "69")
    assert.deepStrictEqual(found, ["b:2", "a:1"])
  })

  it("are found when their service sends first", () =>
    assert.deepStrictEqual(Clients.add(Clients.none, packets([server, "a:1"], [server, "b:2"]), "69"), ["b:2", "a:1"]))

  it("are not the other ports from which a server answers them", () => {
    const transfer = packets(["a:1", server], ["10.0.0.1:5000", "a:1"], ["a:1", "10.0.0.1:5000"])
    assert.deepStrictEqual(Clients.add(Clients.none, transfer, "69"), ["a:1"])
  })

  it("are the same without new ones, and only the newest are kept", () => {
    const many = packets(...Array.from({ length: 60 }, (_, at) => [`a:${at + 100}`, server] as const))
    const found = Clients.add(Clients.none, many, "69")
    assert.strictEqual(found.length, Clients.maxClients)
    assert.strictEqual(found[0], "a:159")
    assert.strictEqual(Clients.add(found, many.slice(-5), "69"), found)
  })
})
