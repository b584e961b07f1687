/**
 * The course's update service on port 2066: prints all names when one joins or moves. Usage: node scripts/status.ts
 * [NAME]
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as NodeNetwork from "../src/network/node/NodeNetwork.ts"
import * as TerminalText from "../src/network/TerminalText.ts"
import * as HostStatus from "../src/status/HostStatus.ts"
import type { Peer } from "../src/status/Peer.ts"
import * as StatusPeer from "../src/status/StatusPeer.ts"

const [name = "guest"] = process.argv.slice(2)

const course = { from: HostStatus.fromCourse, to: HostStatus.toCourse, send: true }

const line = ({ name, payload = HostStatus.initialPosition, state }: Peer<HostStatus.HostStatus>) =>
  `${TerminalText.escape(name).padStart(16)} ${`${payload.x}`.padStart(4)} ${`${payload.y}`.padStart(4)}  ${state}\n`

Effect.gen(function* () {
  const { label, peers } = yield* StatusPeer.make({
    name,
    course,
    schema: HostStatus.HostStatus,
    payload: HostStatus.initialPosition
  })
  yield* Console.log(label)
  const tables = Stream.map(peers.changes, (peers) => peers.map(line).join(""))
  yield* Stream.runForEach(Stream.changes(tables), Console.log)
}).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), NodeRuntime.runMain)
