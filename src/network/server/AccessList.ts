/** Access by address: the networks whose clients a server accepts. Pure. */
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"

/** Networks of a server. */
export interface AccessList {
  /** Networks of the clients that are accepted. Undefined: all. */
  readonly allow: ReadonlyArray<IpNetwork.IpNetwork> | undefined
  /** Networks of clients that are not accepted, even if `allow` contains them. */
  readonly deny: ReadonlyArray<IpNetwork.IpNetwork>
}

/** Tests if some clients are not accepted. */
export const isRestricted = ({ allow, deny }: AccessList): boolean => allow !== undefined || deny.length > 0

/** Tests if a client is accepted. A client of a unix socket has no address: the mode of the socket decides. */
export const permits = (list: AccessList, client: NetAddress.SocketAddress): boolean => {
  if (!isRestricted(list) || !NetAddress.isInetAddress(client)) return true
  const { allow, deny } = list
  const address = NetAddress.toCanonical(client.address)
  const contains = (network: IpNetwork.IpNetwork) => IpNetwork.contains(network, address)
  return (allow === undefined || allow.some(contains)) && !deny.some(contains)
}
