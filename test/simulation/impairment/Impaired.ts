/** Impaired networks on real loopback sockets. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Capture from "../../../src/capture/Capture.ts"
import * as Network from "../../../src/network/Network.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"
import type { ObservedPacket } from "../../../src/network/Packet.ts"
import * as FaultPlanSyntax from "../../../src/simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../src/simulation/impairment/Impairment.ts"
import { assertNoLeaks } from "../../support/Handles.ts"
import { Hosts } from "../../support/Hosts.ts"

type Service = Network.Network["Service"]

/** The program that is impaired; the other uses the plain network. */
export type Side = "both" | "sender" | "receiver"

export const sides: ReadonlyArray<[Side]> = [["both"], ["sender"], ["receiver"]]

export const impaired = Effect.fnUntraced(function* (text: string, seed?: number) {
  const plain = yield* Network.Network
  const seen: Array<ObservedPacket> = []
  const impairment = Result.getOrThrow(Impairment.make(FaultPlanSyntax.parseUnsafe(text), { seed }))
  const network = yield* Impairment.wrap(plain, impairment, {
    observer: { tap: (packet) => seen.push({ ...packet, bytes: packet.bytes.slice() }), wrap: Capture.wrap }
  })
  const lost = () => seen.filter(({ lost }) => lost)
  return { plain, network, seen, lost, counts: impairment.engine.counts, summary: impairment.summary }
})

const ends = (side: Side, { network, plain }: { readonly network: Service; readonly plain: Service }) => ({
  from: side === "receiver" ? plain : network,
  to: side === "sender" ? plain : network
})

export const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Opens two UDP sockets and records what the second receives. */
export const datagrams = Effect.fnUntraced(function* (text: string, side: Side, seed?: number) {
  const all = yield* impaired(text, seed)
  const { from, to } = ends(side, all)
  const received: Array<string> = []
  const inbox = yield* to.udp({}, (bytes) => received.push(Buffer.from(bytes).toString()))
  const outbox = yield* from.udp({}, () => {})
  const peer = { address: "127.0.0.1", port: inbox.local.port }
  const send = (...texts: ReadonlyArray<string>) =>
    Effect.forEach(texts, (text) => outbox.send(bytesOf(text), peer), { discard: true })
  return { ...all, received, send, outbox, peer }
})

/** Opens a connection of which one end, or both, are impaired. */
export const stream = Effect.fnUntraced(function* (text: string, side: Side) {
  const all = yield* impaired(text)
  const { from, to } = ends(side, all)
  const listener = yield* to.listen({ port: 0 })
  const near = yield* from.connect(listener.address)
  const far = yield* listener.accept
  return { ...all, near, far }
})

export const run = <E>(body: Effect.Effect<void, E, Network.Network | Hosts | Scope.Scope>) =>
  assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(Layer.merge(Hosts.one(NodeNetwork.layer), NodeNetwork.layer))))

/** Runs a test with each side impaired. */
export const test = <E>(
  name: string,
  body: (side: Side) => Effect.Effect<void, E, Network.Network | Hosts | Scope.Scope>
) => it.live.each(sides)(`${name}, %s impaired`, ([side]) => run(body(side)))
