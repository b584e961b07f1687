/** Rot13 between a client and the server of the rot13 service, over TCP or UDP. */
import * as Effect from "effect/Effect"
import type * as Packet from "../../../network/Packet.ts"
import * as Dissector from "../../../rot13/Dissector.ts"
import * as Rot13Server from "../../../rot13/Rot13Server.ts"
import * as Rot13Udp from "../../../rot13/Rot13Udp.ts"
import * as Link from "../Link.ts"
import * as Observer from "../Observer.ts"
import type * as Recorder from "../Recorder.ts"
import type * as Scenario from "../Scenario.ts"
import type { Settings } from "../Settings.ts"
import * as TcpRun from "./TcpRun.ts"
import * as TcpStates from "./TcpStates.ts"
import * as UdpRun from "./UdpRun.ts"

const port = Rot13Server.defaultPort

const limitMillis = 60_000

/** Time for the FIN of both ends on a network that loses. */
const finMillis = 2_000

/** Messages of the client. */
const texts = [
  "Hello, server!",
  "Why did the byte cross the network?",
  "To get to the other side.",
  "All bytes arrive in order,",
  "or the connection fails.",
  "A datagram arrives once,",
  "twice, late,",
  "or never."
]

/** Names of the segments without data. */
const labels: Partial<Record<Packet.Kind, string>> = {
  syn: "SYN",
  synack: "SYN, ACK",
  ack: "ACK",
  fin: "FIN",
  rst: "RST"
}

const describe = (packet: Packet.Packet): Recorder.Described<Packet.Kind> => {
  const { kind } = packet
  const label = labels[kind]
  if (label !== undefined) return { kind, label, message: kind }
  const found = Dissector.dissector.dissect(packet)
  return { kind: found?.kind ?? kind, label: found?.summary ?? kind, message: kind }
}

/** The state of the server over UDP: it keeps none. */
const udpServer: Observer.Observer<{ readonly requests: number; readonly replies: number }, Packet.Kind> = {
  host: "server",
  start: { requests: 0, replies: 0 },
  step: (state, { _tag }) => [
    _tag === "Arrived" ? { ...state, requests: state.requests + 1 } : { ...state, replies: state.replies + 1 }
  ],
  name: () => "waiting for a datagram",
  variables: ({ replies, requests }) => [
    ["requests", `${requests}`],
    ["replies", `${replies}`]
  ]
}

const overTcp = (settings: Settings, messages: ReadonlyArray<string>): Scenario.Scenario<Packet.Kind> => ({
  hosts: ["client", "server"],
  transport: "tcp",
  faults: Link.tcpFaults(settings),
  limitMillis,
  describe,
  program: Effect.fnUntraced(function* ({ hosts: [client, server], recorder }) {
    yield* server!.start(Effect.orDie(Rot13Server.make({ host: server!.address, port, drain: 0 })))
    if (settings.duplicatePercent > 0 || settings.reorderPercent > 0) {
      const text =
        "TCP hides duplication and reordering from programs: its sequence numbers repair both, and none is drawn"
      recorder.remark({ atMillis: 0, host: "client", text, tone: "plain" })
    }
    const isAtOnce = settings.choices.sending === "at-once"
    const ending = yield* TcpRun.run(client!, {
      server: { address: server!.address, port },
      ...{ messages, isAtOnce, recorder }
    })
    // The FIN of both ends may still be on its way, and be sent again.
    yield* Effect.sleep(2 * settings.delayMillis + (settings.lossPercent === 0 ? 10 : finMillis))
    return ending
  }),
  observe: (recording) =>
    Observer.join([Observer.follow(TcpStates.client, recording), Observer.follow(TcpStates.server, recording)])
})

const overUdp = (settings: Settings, messages: ReadonlyArray<string>): Scenario.Scenario<Packet.Kind> => {
  const { choices, delayMillis } = settings
  return {
    hosts: ["client", "server"],
    transport: "udp",
    faults: Link.faults(settings, 3 * delayMillis + 20),
    limitMillis,
    describe,
    program: Effect.fnUntraced(function* ({ hosts: [client, server], recorder }) {
      yield* server!.start(Effect.orDie(Rot13Udp.serve({ host: server!.address, port })))
      return yield* UdpRun.run(client!, {
        server: { address: server!.address, port },
        patienceMillis: 3 * delayMillis + 100,
        ...{ messages, isAtOnce: choices.sending === "at-once", recorder }
      })
    }),
    observe: (recording) => Observer.follow(udpServer, recording)
  }
}

/** Makes the scenario. */
export const make = (settings: Settings): Scenario.Scenario<Packet.Kind> => {
  const messages = texts.slice(0, Number(settings.choices.messages))
  return settings.choices.transport === "udp" ? overUdp(settings, messages) : overTcp(settings, messages)
}
