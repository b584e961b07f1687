/** The services of this package on the network: the transport of each, and a command that tries it. */
import * as NetAddress from "effect/net/NetAddress"
import * as NodeSampleFolder from "../tftp/NodeSampleFolder.ts"
import * as NodeInvocation from "./NodeInvocation.ts"
import { connectableHost } from "./serverMessages.ts"

/** The values of the flags of a command. */
export type Values = Readonly<Record<string, unknown>>

/** A service on the network. */
interface KnownService {
  readonly protocol: "tcp" | "udp"
  /** Returns a command that tries the service. */
  readonly tryIt: (host: string, port: number, values: Values) => string
}

const nc = (host: string, port: number) => `nc ${host} ${port}`

/** The services by name. */
export const knownServices = {
  rot13: { protocol: "tcp", tryIt: (host, port) => `printf 'Hello\\n' | nc -N ${host} ${port}` },
  hangman: { protocol: "tcp", tryIt: nc },
  guess: { protocol: "tcp", tryIt: nc },
  board: { protocol: "tcp", tryIt: (host, port) => `printf 'claim 1 2\\nboard\\n' | nc -N ${host} ${port}` },
  primes: {
    protocol: "tcp",
    // 0 to 10,000,000: two 32-bit numbers in little-endian order.
    tryIt: (host, port) => `printf '\\0\\0\\0\\0\\200\\226\\230\\0' | nc -N ${host} ${port} | od -An -td4`
  },
  tftp: {
    protocol: "udp",
    tryIt: (host, port, { root }) =>
      `curl -s tftp://${host.includes(":") ? `[${host}]` : host}:${port}/${root === NodeSampleFolder.folder ? "hello.txt" : "FILE"}`
  },
  status: {
    protocol: "udp",
    tryIt: (host, port) => {
      const portFlag = port === 2_066 ? "" : ` --port ${port}`
      return `${NodeInvocation.commandPrefix()} status --address ${host}${portFlag} --once`
    }
  }
} as const satisfies Readonly<Record<string, KnownService>>

/** Returns a service by its name in messages, where a relay is `status relay`; undefined for another one. */
export const find = (service: string): KnownService | undefined => {
  const [name = ""] = service.split(" ")
  return Object.hasOwn(knownServices, name) ? knownServices[name as keyof typeof knownServices] : undefined
}

/** Returns a command that tries a service at its address; undefined for a service that is not known. */
export const tryItOf = (service: string, address: NetAddress.SocketAddress, values: Values): string | undefined => {
  const known = find(service)
  if (known === undefined) return undefined
  return NetAddress.isInetAddress(address)
    ? known.tryIt(connectableHost(address), address.port, values)
    : `nc -U ${address.path}`
}
