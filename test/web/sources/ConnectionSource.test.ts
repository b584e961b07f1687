import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as TcpServer from "../../../src/network/TcpServer.ts"
import * as ConnectionSource from "../../../src/web/sources/ConnectionSource.ts"

const connection = (id: number, remote: NetAddress.SocketAddress): TcpServer.OpenConnection => ({
  id,
  remote,
  acceptedAtMillis: 1_000 + id,
  traffic: { received: 2 * id, sent: id, unsent: 0 }
})

const client = NetAddress.inetAddressFromIpStringUnsafe("2001:db8::1", 5_000)

describe("ConnectionSource", () => {
  it.effect("lists the connections of a service with their traffic", () =>
    Effect.gen(function* () {
      const connections = Effect.succeed([connection(3, client), connection(7, NetAddress.unixPathAddress(""))])
      assert.deepStrictEqual(yield* ConnectionSource.make("board", connections), {
        rows: [
          { service: "board", id: 3, remote: "[2001:db8::1]:5000", sinceMillis: 1_003, bytesReceived: 6, bytesSent: 3 },
          { service: "board", id: 7, remote: "unix socket", sinceMillis: 1_007, bytesReceived: 14, bytesSent: 7 }
        ],
        omitted: 0
      })
    })
  )

  it.effect("lists the newest ones of many", () =>
    Effect.gen(function* () {
      const all = Array.from({ length: 250 }, (_, at) => connection(at + 1, client))
      const { omitted, rows } = yield* ConnectionSource.make("board", Effect.succeed(all))
      assert.strictEqual(omitted, 50)
      assert.deepStrictEqual([rows.length, rows[0]!.id, rows.at(-1)!.id], [200, 51, 250])
    })
  )
})
