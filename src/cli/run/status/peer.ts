/** A peer that says how this host is; for `status`, and for `up`. */
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

/** What a peer of the command line is told. */
export interface Options
  extends Pick<StatusPeer.Options<HostStatus.HostStatus>, "cluster" | "interval" | "suspectAfter" | "downAfter"> {
  readonly name: string
  readonly transport: Transport.OpenTransport
  readonly port: number
  /** The flag that chooses another port. */
  readonly flag: string
  readonly key?: string | undefined
  readonly dialect?: "effect-inet" | "course" | undefined
  readonly listenOnly?: boolean | undefined
  /** Runs when the socket is open, before the first packet. */
  readonly onOpen?: ((transport: Transport.Transport) => Effect.Effect<void>) | undefined
}

/** How often a host is looked at. */
const hostRefresh = "10 seconds"

/** The most bytes of a host's name that leave room for what stands before it. */
const maxHostNameBytes = 56

/** A name for this host's peer: the host's, or `up@` and the host's, so that two of them are two. */
export const nameOf = (what?: string) =>
  Effect.map(NodeHostStatus.sample, ({ host = "" }) => {
    const name = host.slice(0, maxHostNameBytes) || "host"
    return what === undefined ? name : `${what}@${name}`
  })

/** The first line: where it listens, who can hear it, and where it sends. */
export const openedMessage = (name: string, listenOnly: boolean, { label, local }: Transport.Transport) => {
  const where = NetAddress.isLoopback(local.address) ? "stays on this machine" : "hears the network"
  const who = listenOnly ? "status" : `status of ${TerminalText.escape(name)}`
  return `${who} binds ${NetAddress.formatInet(local)} and ${where}; ${listenOnly ? "only listens" : label}`
}

const withMac = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    Effect.promise(() => import("./NodeHmac.ts")),
    ({ layer }) => Effect.provide(effect, layer)
  )

/** Joins until the scope closes; `move` moves its name on the screen. */
export const join = Effect.fnUntraced(function* (options: Options) {
  const { dialect, flag, key, onOpen = () => Effect.void, port, transport } = options
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
    transport: (receive) => Effect.tap(transport(receive), onOpen),
    course: { from: HostStatus.fromCourse, to: HostStatus.toCourse, send: sendsCourse }
  })
  const peer = yield* (key === undefined ? making : withMac(making)).pipe(
    Effect.catchTags({
      NetworkError: explainListenError("status", port, flag, "udp"),
      StatusError: ({ message }) => Effect.fail(new UsageError({ message: `status: ${message}` }))
    })
  )
  // Numbers of a host and a place on the screen always fit into a packet.
  const update = (next: (status: HostStatus.HostStatus) => HostStatus.HostStatus, when: StatusPeer.PublishTiming) =>
    Effect.orDie(Effect.flatMap(Ref.updateAndGet(current, next), (status) => peer.publish(status, when)))
  const refreshHost = Effect.flatMap(NodeHostStatus.sample, (host) =>
    update((status) => ({ ...status, ...host }), "withNext")
  )
  if (!sendsCourse && options.listenOnly !== true)
    yield* Effect.forkScoped(Effect.forever(Effect.delay(refreshHost, hostRefresh)))
  return { peer, move: (key: HostStatus.CursorKey) => update((status) => HostStatus.move(status, key), "immediately") }
})
