/** Test suite for implementations of `Network`: the host's, a simulated one, or either of them wrapped. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Handles from "../../support/Handles.ts"
import * as NetworkClosing from "./NetworkClosing.ts"
import * as NetworkListening from "./NetworkListening.ts"
import * as NetworkStream from "./NetworkStream.ts"
import * as NetworkUdp from "./NetworkUdp.ts"
import type { Subject, Test } from "./Subject.ts"

const given = <A>(feature: A | undefined, what: string, register: (feature: A) => void) =>
  feature === undefined ? it.skip(`${what} (skipped: not supported by this network)`, () => {}) : register(feature)

/** Registers the whole suite for one network. */
export const suite = (subject: Subject) => {
  const run = subject.run ?? ((name, body) => it.live(name, body))
  const test: Test = (name, body) =>
    run(name, () => {
      const alone = Effect.suspend(body).pipe(Effect.scoped, Effect.provide(subject.layer, { local: true }))
      return subject.real ? Handles.assertNoLeaks(alone) : alone
    })
  describe(subject.name, () => {
    describe("listening and connecting", () => {
      NetworkListening.suite(test)
      given(subject.reusePort, "reusePort", () => NetworkListening.reusePort(test))
      given(subject.ipv6, "IPv6", ({ server }) => NetworkListening.ipv6(server, test))
      given(subject.unix, "paths", (paths) => NetworkListening.unix(paths, test))
    })
    describe("streams", () => NetworkStream.suite(test))
    describe("closing", () => {
      NetworkClosing.reset(test)
      NetworkClosing.suite(test)
      NetworkClosing.lastWords(test)
      if (subject.real) NetworkClosing.lingering(test)
    })
    describe("datagrams", () => {
      NetworkUdp.suite(test)
      NetworkUdp.buffers(test)
      NetworkUdp.ephemeralPorts(test)
      given(subject.reusePort, "reusePort", () => NetworkUdp.reusePort(test))
      given(subject.ipv6, "IPv6", (hosts) => NetworkUdp.ipv6(hosts, test))
      given(subject.broadcast, "broadcast", (address) => NetworkUdp.broadcast(address, test))
      given(subject.multicast, "multicast", (multicast) => NetworkUdp.multicast(multicast, test))
      given(subject.silence, "multicast without loopback", (multicast) => NetworkUdp.silence(multicast, test))
    })
  })
}
