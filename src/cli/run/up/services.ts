/** The services that `up` runs: the flags and the programs of their commands, and their sockets. */
import type * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as HangmanSession from "../../../hangman/HangmanSession.ts"
import * as board from "../../board.ts"
import type { Table } from "../../common/settings/settings.ts"
import * as guess from "../../guess.ts"
import * as hangman from "../../hangman.ts"
import * as primes from "../../primes.ts"
import * as rot13 from "../../rot13.ts"
import * as status from "../../status.ts"
import * as tftp from "../../tftp.ts"
import { knownServices, type Values } from "../common/knownServices.ts"
import * as NodeSampleFolder from "../tftp/NodeSampleFolder.ts"
import type { Binding } from "./bindings.ts"

const programs = {
  rot13: rot13.serveProgram,
  hangman: hangman.serveProgram,
  guess: guess.serveProgram,
  board: board.serveProgram,
  primes: primes.serveProgram,
  tftp: async () => (await import("../tftp/serve.ts")).serve,
  status: async () => (await import("../status/status.ts")).status
}

type Programs = typeof programs

/** Services of the process that the programs require. */
export type Requirements = {
  readonly [K in keyof Programs]: Effect.Services<ReturnType<Awaited<ReturnType<Programs[K]>>>>
}[keyof Programs]

/** A program with its failure, which is one line. */
type Program = Effect.Effect<void, { readonly message: string }, Requirements>

/** A service. */
export interface Service {
  readonly flags: Table
  /** Loads the program of the command that serves it. */
  readonly load: () => Promise<(values: Values) => Program>
  readonly protocol: "tcp" | "udp"
  /** Options that differ from those of the command, as texts. */
  readonly defaults: Readonly<Record<string, string>>
  /** Returns the values that follow from those of all options; `own` has the names of the instance's. Default: none. */
  readonly derive?: ((values: Values, own: ReadonlySet<string>) => Values) | undefined
  /** Returns the sockets that the service binds. Default: one, at its host and port. */
  readonly bindings?: ((values: Values) => ReadonlyArray<Binding>) | undefined
}

/** Returns the loader of a program for values that were read by its own flags. */
const loader = (name: keyof Programs) => async () => (await programs[name]()) as unknown as (values: Values) => Program

/** The address of the peers of this machine: a status peer of `up` announces itself to them only. */
const statusAddress = "127.255.255.255"

/**
 * Returns the values of a status peer. With JSON it joins at once, instead of when its screen opens. The host of all
 * instances is for those that bind one.
 */
const deriveStatus = ({ address, host, relay, transport = "broadcast" }: Values, own: ReadonlySet<string>): Values => {
  const isBroadcast = relay !== true && transport === "broadcast"
  const bindsHost = relay === true || transport === "mesh" || own.has("host")
  return {
    json: true,
    host: bindsHost ? host : undefined,
    address: isBroadcast ? (address ?? statusAddress) : address
  }
}

/** Returns the sockets of a status peer, by its transport, or of a relay. */
const statusBindings = ({ address, host, port, relay, transport = "broadcast" }: Values): ReadonlyArray<Binding> => {
  const addresses = String(address ?? "")
    .split(",")
    .map((one) => one.trim())
  const wildcard = addresses.every((one) => one.split(":").length > 2) ? "::" : "0.0.0.0"
  const bind = (hosts: ReadonlyArray<unknown>, isShared: boolean, at = Number(port)) =>
    hosts.map((one): Binding => ({ _tag: "Port", protocol: "udp", host: String(one), port: at, isShared }))
  if (relay === true) return bind([host ?? "127.0.0.1"], false)
  switch (transport) {
    case "mesh":
      return bind([host ?? wildcard], false)
    case "relay":
      return bind([wildcard], false, 0)
    case "multicast":
      return bind([wildcard], true)
    default:
      return bind(addresses.every((one) => one.startsWith("127.")) ? addresses : ["0.0.0.0"], true)
  }
}

/** All services by name, in the order of their start. */
export const services: Readonly<Record<string, Service>> = {
  rot13: {
    flags: rot13.serveFlags,
    load: loader("rot13"),
    protocol: knownServices.rot13.protocol,
    defaults: {}
  },
  hangman: {
    flags: hangman.serveFlags,
    load: loader("hangman"),
    protocol: knownServices.hangman.protocol,
    defaults: {},
    derive: ({ dialect, port }) => ({
      port: port ?? HangmanSession.defaultPort[(dialect as HangmanSession.Dialect | undefined) ?? "friendly"]
    })
  },
  guess: {
    flags: guess.serveFlags,
    load: loader("guess"),
    protocol: knownServices.guess.protocol,
    defaults: {}
  },
  board: {
    flags: board.serveFlags,
    load: loader("board"),
    protocol: knownServices.board.protocol,
    defaults: {}
  },
  primes: {
    flags: primes.serveFlags,
    load: loader("primes"),
    protocol: knownServices.primes.protocol,
    defaults: { threads: "2" }
  },
  tftp: {
    flags: tftp.serveFlags,
    load: loader("tftp"),
    protocol: knownServices.tftp.protocol,
    defaults: { port: "6969", root: NodeSampleFolder.folder }
  },
  status: {
    flags: status.peerFlags,
    load: loader("status"),
    protocol: knownServices.status.protocol,
    defaults: {},
    derive: deriveStatus,
    bindings: statusBindings
  }
}

/** Returns the address at which others find a service. */
export const shownAddress = (name: string, address: NetAddress.SocketAddress, values: Values) =>
  name === "status" && NetAddress.isInetAddress(address) && values.address === statusAddress
    ? NetAddress.inetAddressFromIpStringUnsafe(statusAddress, address.port)
    : address
