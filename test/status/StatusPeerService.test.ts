import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StatusPeer from "../../src/status/StatusPeer.ts"
import * as Broadcast from "../../src/status/transport/Broadcast.ts"
import * as Relay from "../../src/status/transport/Relay.ts"
import * as RelayClient from "../../src/status/transport/RelayClient.ts"
import { run } from "../support/Simulated.ts"

const Load = Schema.Struct({ jobs: Schema.Int })
const Mood = Schema.Struct({ text: Schema.String })

class Loads extends Context.Service<Loads, StatusPeer.StatusPeer<typeof Load.Type>>()("test/Loads") {}
class Moods extends Context.Service<Moods, StatusPeer.StatusPeer<typeof Mood.Type>>()("test/Moods") {}

const environment = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnv({ env }))

describe("StatusPeer", () => {
  it.effect("has one service for each payload type, so that a program has peers of both", () =>
    run(({ host }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const loads = StatusPeer.layer(Loads, { name: "a", schema: Load, payload: { jobs: 3 } })
          const moods = StatusPeer.layer(Moods, {
            name: "a",
            schema: Mood,
            payload: { text: "fine" },
            transport: Broadcast.make({ port: 3_000 })
          })
          const payloads = Effect.gen(function* () {
            const [load] = yield* (yield* Loads).peers.get
            const [mood] = yield* (yield* Moods).peers.get
            return [load?.payload?.jobs, mood?.payload?.text]
          })
          const layer = Layer.provide(Layer.merge(loads, moods), (yield* host("a")).layer)
          assert.deepStrictEqual(yield* Effect.provide(payloads, layer), [3, "fine"])
        })
      )
    )
  )

  it.effect("takes its options from the environment variables of the command line", () =>
    run(({ host }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const [one, other] = [yield* host("a"), yield* host("b")]
          const options = (name: string) => ({ name, schema: Load, payload: { jobs: 0 } })
          const configured = StatusPeer.layerConfig(Loads, options("a")).pipe(
            Layer.provide(environment({ STATUS_PORT: "3000", STATUS_CLUSTER: "x", STATUS_INTERVAL: "500ms" }))
          )
          const transport = Broadcast.make({ port: 3_000 })
          const peer = yield* Effect.provide(
            StatusPeer.make({ ...options("b"), cluster: "x", transport, listenOnly: true }),
            other.layer
          )
          yield* Effect.provide(Effect.sleep("1 second"), Layer.provide(configured, one.layer))
          const peers = yield* peer.peers.get
          assert.deepStrictEqual(
            peers.map(({ interval, name }) => [name, interval]),
            [["a", 500]]
          )
        })
      )
    )
  )

  it.effect("emits its stats at once and then in each interval", () =>
    run(({ host }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { layer } = yield* host("a")
          const peer = yield* Effect.provide(
            StatusPeer.make({ name: "a", schema: Load, payload: { jobs: 0 }, interval: "100 millis" }),
            layer
          )
          const stats = yield* Stream.runCollect(Stream.take(peer.statsEvery("1 second"), 3))
          const sent = stats.map(({ sent }) => sent)
          assert.strictEqual(sent[0], 1)
          assert.isTrue(sent[1]! >= 10 && sent[2]! >= 20, `${sent}`)
        })
      )
    )
  )
})

describe("Relay", () => {
  it.effect("emits grants, rejections and leaves, and takes its address from the environment", () =>
    run(({ host }) =>
      Effect.scoped(
        Effect.gen(function* () {
          const [server, a, b] = [yield* host("relay"), yield* host("a"), yield* host("b")]
          const relay = Relay.layerConfig({ maxSubscribers: 1 }).pipe(
            Layer.provide([
              environment({ STATUS_HOST: "0.0.0.0", STATUS_PORT: "3000" }),
              server.layer,
              NodeCrypto.layerMac
            ])
          )
          const program = Effect.gen(function* () {
            const { address, events } = yield* Relay.Relay
            assert.strictEqual(address.port, 3_000)
            const seen = yield* Effect.forkChild(
              Stream.runCollect(
                Stream.takeUntil(
                  Stream.map(events, ({ _tag, subscriber }) => `${_tag} ${subscriber.address}`),
                  (event) => event.startsWith("Left")
                )
              ),
              { startImmediately: true }
            )
            const transport = RelayClient.make({ relay: { address: server.address, port: 3_000 } })
            const join = (host: typeof a) =>
              Effect.scoped(
                Effect.andThen(
                  Effect.provide(
                    transport(() => {}),
                    host.layer
                  ),
                  Effect.sleep("2 seconds")
                )
              )
            const first = yield* Effect.forkChild(join(a))
            yield* Effect.sleep("1 second")
            yield* Effect.forkChild(join(b))
            yield* Fiber.join(first)
            return yield* Fiber.join(seen)
          })
          const events = yield* Effect.provide(program, relay)
          assert.deepStrictEqual(events, [`Granted ${a.address}`, `Full ${b.address}`, `Left ${a.address}`])
        })
      )
    )
  )
})
