import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Endpoint from "../../src/network/Endpoint.ts"
import type * as Network from "../../src/network/Network.ts"
import * as Signal from "../../src/network/Signal.ts"
import * as Negotiation from "../../src/tftp/protocol/Negotiation.ts"
import * as MemoryStore from "../../src/tftp/store/MemoryStore.ts"
import { Hosts, pseudoRandomBytes } from "../support/Hosts.ts"
import * as TftpHosts from "../support/tftp/TftpHosts.ts"
import * as TftpTranscript from "../support/tftp/TftpTranscript.ts"

const content = pseudoRandomBytes(40_000)

/** The bytes of the receive buffer of a socket of Linux with its default settings. */
const receiveBufferBytes = 425_984

/** The datagrams that the host handles in a millisecond. */
const datagramsPerMilli = 20

/** Returns the network of a host that takes its time for each datagram; those that do not fit meanwhile are dropped. */
const busy = (network: Network.Network["Service"], onDrop: () => void): Network.Network["Service"] => ({
  ...network,
  udp: Effect.fnUntraced(function* (options, onDatagram, onError) {
    const queue: Array<{ readonly bytes: Uint8Array; readonly from: Endpoint.Endpoint; readonly size: number }> = []
    const arrived = Signal.make()
    let queuedBytes = 0
    const handleSome = Effect.gen(function* () {
      if (queue.length === 0) yield* arrived.wait
      for (const { bytes, from, size } of queue.splice(0, datagramsPerMilli)) {
        queuedBytes -= size
        onDatagram(bytes, from)
      }
      yield* Effect.sleep("1 millis")
    })
    yield* Effect.forkScoped(Effect.forever(handleSome), { startImmediately: true })
    const receive = (bytes: Uint8Array, from: Endpoint.Endpoint) => {
      const size = Negotiation.bufferedBytes({ blksize: bytes.length, windowsize: 1 })
      if (queuedBytes + size > receiveBufferBytes) return onDrop()
      queuedBytes += size
      queue.push({ bytes: bytes.slice(), from, size })
      arrived.notify()
    }
    return { ...(yield* network.udp(options, receive, onError)), receiveBuffer: receiveBufferBytes }
  })
})

/** Returns the windowsize of the OACK that a client receives. */
const windowsizeOf = ({ bytes }: TftpTranscript.Received) =>
  Number(/windowsize=(\d+)/.exec(TftpTranscript.textOf(bytes))?.[1])

describe("TftpServer, uploads on a single port", () => {
  TftpHosts.simulated("of 64 clients at once lose no block of their windows", () =>
    Effect.gen(function* () {
      const hosts = yield* Hosts
      let drops = 0
      const server = { ...hosts.server, network: busy(hosts.server.network, () => drops++) }
      const { endpoint, files } = yield* Effect.provideService(TftpHosts.serve({ singlePort: true }), Hosts, {
        ...hosts,
        server
      })
      const before = yield* Clock.currentTimeMillis
      const names = Array.from({ length: 64 }, (_, index) => `${index}`)
      yield* Effect.forEach(names, (name) => TftpHosts.put(endpoint, name, content), { concurrency: "unbounded" })
      assert.strictEqual(drops, 0)
      // It takes 90 ms to receive them one after the other. A lost request, or window, costs a second or more.
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
      for (const name of names) assert.deepStrictEqual(files.get(name), content)
    })
  )

  TftpHosts.both("get a full window again when the others have ended, even if these dally", () =>
    Effect.gen(function* () {
      const { endpoint } = yield* TftpHosts.serve({ singlePort: true, store: MemoryStore.make({ write: "create" }) })
      const talk = yield* TftpTranscript.open({ endpoint })
      const request = Effect.fnUntraced(function* (name: string) {
        yield* talk.play(`${name}> WRQ ${name} octet blksize=8192 windowsize=64`)
        return windowsizeOf(yield* talk.receive(name))
      })
      const full = yield* request("a")
      const other = yield* request("b")
      assert.isBelow(other, full)
      yield* talk.play("a> DATA 1 5", "a< ACK 1", "b> DATA 1 5", "b< ACK 1")
      assert.strictEqual(yield* request("c"), full)
      // A client that fails leaves its room, too.
      yield* talk.play("c> ERROR 0 bye", "c-")
      assert.strictEqual(yield* request("d"), full)
    })
  )
})
