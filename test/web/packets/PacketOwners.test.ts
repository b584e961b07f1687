import { assert, describe, it } from "@effect/vitest"
import * as PacketOwners from "../../../src/web/packets/PacketOwners.ts"

const at = (address: string, port: number) => ({ address, port })

const server = (port: number) => at("10.0.0.1", port)
const client = (port: number) => at("10.0.0.2", port)

const rot13 = { service: "rot13", protocol: "tcp", port: 1_067 } as const
const tftp = { service: "tftp", protocol: "udp", port: 69 } as const

const setUp = (...ports: ReadonlyArray<PacketOwners.ServicePort>) => {
  const owners = PacketOwners.make<PacketOwners.ServicePort>()
  const removes = ports.map((port) => PacketOwners.add(owners, port))
  const ownerOf = (
    transport: "tcp" | "udp",
    from: typeof server,
    to: typeof client,
    ports: readonly [number, number]
  ) => {
    const owner = PacketOwners.ownerOf(owners, { transport, from: from(ports[0]), to: to(ports[1]) })
    return owner && `${owner.port.service} ${owner.fromClient ? "request" : "reply"}`
  }
  return { owners, removes, ownerOf }
}

describe("PacketOwners", () => {
  it("finds the service by its port, in both directions", () => {
    const { ownerOf } = setUp(rot13, tftp)
    assert.strictEqual(ownerOf("tcp", client, server, [4_000, 1_067]), "rot13 request")
    assert.strictEqual(ownerOf("tcp", server, client, [1_067, 4_000]), "rot13 reply")
    assert.strictEqual(ownerOf("udp", client, server, [4_000, 69]), "tftp request")
  })

  it("tells the same port of TCP and UDP apart", () => {
    const { ownerOf } = setUp(rot13)
    assert.isUndefined(ownerOf("udp", client, server, [4_000, 1_067]))
    assert.isUndefined(ownerOf("tcp", client, server, [4_000, 69]))
  })

  it("finds the packets of a client that is answered from another port", () => {
    const { owners, ownerOf, removes } = setUp(tftp)
    assert.isUndefined(ownerOf("udp", server, client, [50_000, 4_000]))
    PacketOwners.expect(owners, client(4_000), tftp)
    assert.strictEqual(ownerOf("udp", server, client, [50_000, 4_000]), "tftp reply")
    assert.strictEqual(ownerOf("udp", client, server, [4_000, 50_000]), "tftp request")
    assert.isUndefined(ownerOf("tcp", client, server, [4_000, 50_000]))
    assert.isUndefined(ownerOf("udp", client, server, [4_001, 50_000]))
    removes[0]!()
    assert.isUndefined(ownerOf("udp", client, server, [4_000, 50_000]))
  })

  it("prefers the service at the address of the packet to one at any address", () => {
    const port = { protocol: "tcp", port: 80 } as const
    const { ownerOf } = setUp(
      { ...port, service: "any" },
      { ...port, service: "own", address: "10.0.0.1" },
      { ...port, service: "other", address: "10.0.0.9" }
    )
    assert.strictEqual(ownerOf("tcp", client, server, [4_000, 80]), "own request")
    assert.strictEqual(ownerOf("tcp", server, client, [4_000, 80]), "any request")
  })

  it("forgets a service that has ended, and the oldest of too many clients", () => {
    const { owners, ownerOf, removes } = setUp(rot13, tftp)
    for (let port = 1; port <= 2_000; port++) PacketOwners.expect(owners, client(port + 10_000), tftp)
    assert.strictEqual(owners.clients.entries.size, 1_024)
    assert.isUndefined(ownerOf("udp", client, server, [10_001, 50_000]))
    assert.strictEqual(ownerOf("udp", client, server, [12_000, 50_000]), "tftp request")
    removes[0]!()
    assert.isUndefined(ownerOf("tcp", client, server, [4_000, 1_067]))
    assert.deepStrictEqual(PacketOwners.portsOf(owners, "rot13"), [])
    assert.deepStrictEqual(PacketOwners.portsOf(owners, "tftp"), [tftp])
  })
})
