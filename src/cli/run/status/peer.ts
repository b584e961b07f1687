/** Peer that announces the status of this host, for `status` and `up`. */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TerminalText from "../../../network/TerminalText.ts"
import * as HostStatus from "../../../status/HostStatus.ts"
import * as NodeHostStatus from "../../../status/NodeHostStatus.ts"
import * as StatusPeer from "../../../status/StatusPeer.ts"
import type * as Transport from "../../../status/transport/Transport.ts"
import { UsageError } from "../../common/CliErrors.ts"
import { explainListenError } from "../common/serverMessages.ts"

/** Options of the peer. */
export interface Options
  extends Pick<
    StatusPeer.Options<HostStatus.HostStatus>,
    "cluster" | "interval" | "suspectAfter" | "downAfter" | "service"
  > {
  readonly name: string
  readonly transport: Transport.OpenTransport
  readonly port: number
  /** The flag that sets the port, such as `--port`. Error messages suggest it if the port is in use. */
  readonly flag: string
  readonly key?: string | undefined
  readonly dialect?: "effect-inet" | "course" | undefined
  readonly listenOnly?: boolean | undefined
}

/** Time between two samples of the host. */
const hostRefresh = "10 seconds"

/** Length of the host name in a default name, which leaves space for a prefix. */
const maxHostNameBytes = 56

/** Returns the default name: the host name, after a prefix such as `up@` so that two peers of one host differ. */
export const nameOf = (what?: string) =>
  Effect.map(NodeHostStatus.sample, ({ host = "" }) => {
    const name = host.slice(0, maxHostNameBytes) || "host"
    return what === undefined ? name : `${what}@${name}`
  })

/** Returns the first message: the bound address, its reach and the destinations. */
export const openedMessage = (name: string, listenOnly: boolean, { label, local }: Transport.Transport) => {
  const scope = NetAddress.isLoopback(local.address) ? "this machine only" : "open to the network"
  const subject = listenOnly ? "status" : `status of ${TerminalText.escape(name)}`
  return `${subject} on ${NetAddress.formatInet(local)} (${scope}); ${listenOnly ? "listens only" : label}`
}

const withMac = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    Effect.promise(() => import("./NodeHmac.ts")),
    ({ layer }) => Effect.provide(effect, layer)
  )

/** Joins until the scope closes; `move` moves the name on the map. */
export const join = Effect.fnUntraced(function* (options: Options) {
  const { dialect, flag, key, port } = options
  const sendsCourse = dialect === "course"
  const current = yield* Ref.make<HostStatus.HostStatus>({
    ...HostStatus.initialPosition,
    ...(sendsCourse ? {} : yield* NodeHostStatus.sample)
  })
  const making = StatusPeer.make({
    ...options,
    schema: HostStatus.HostStatus,
    payload: yield* Ref.get(current),
    key: key === undefined ? undefined : Redacted.make(key),
    course: { from: HostStatus.fromCourse, to: HostStatus.toCourse, send: sendsCourse }
  })
  const peer = yield* (key === undefined ? making : withMac(making)).pipe(
    Effect.catchTags({
      NetworkError: explainListenError("status", port, flag, "udp"),
      StatusError: ({ message }) => Effect.fail(new UsageError({ message: `status: ${message}` }))
    })
  )
  // A host's metrics and a position always fit into a packet.
  const update = (next: (status: HostStatus.HostStatus) => HostStatus.HostStatus, when: StatusPeer.PublishTiming) =>
    Effect.orDie(Effect.flatMap(Ref.updateAndGet(current, next), (status) => peer.publish(status, when)))
  const refreshHost = Effect.flatMap(NodeHostStatus.sample, (host) =>
    update((status) => ({ ...status, ...host }), "withNext")
  )
  if (!sendsCourse && options.listenOnly !== true)
    yield* Effect.forkScoped(Effect.forever(Effect.delay(refreshHost, hostRefresh)))
  return { peer, move: (key: HostStatus.CursorKey) => update((status) => HostStatus.move(status, key), "immediately") }
})
