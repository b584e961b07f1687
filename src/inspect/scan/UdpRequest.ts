/** Harmless requests over UDP, by port: servers of these protocols do not answer an empty datagram. Pure. */

const bytesOf = (hexadecimal: string): Uint8Array =>
  Uint8Array.from(hexadecimal.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))

const text = (value: string) => new TextEncoder().encode(value)

/** Query for the name servers of the root, without recursion (RFC 1035); the identifier is 0x1d3c. */
export const dnsQuery: Uint8Array = bytesOf("1d3c000000010000000000000000020001")

/** Time of the NTP request, which the reply repeats. It need not be the present one. */
export const ntpTransmitTime: Uint8Array = bytesOf("e4b1c2d3a5968778")

/** Request of a client, version 4 (RFC 5905). */
export const ntpRequest: Uint8Array = Uint8Array.of(0x23, ...new Uint8Array(39), ...ntpTransmitTime)

/** Read request of a file that a server hardly has (RFC 1350): it answers with an ERROR packet, and sends no file. */
export const tftpRequest: Uint8Array = text("\0\u0001effect-inet-scan-no-such-file\0octet\0")

/** GetRequest of version 1 for sysDescr.0, community `public` (RFC 1157). */
const snmpRequest = bytesOf("302602010004067075626c6963a019020101020100020100300e300c06082b060102010101000500")

/** Query for the services of multicast DNS, answered by unicast (RFC 6762, RFC 6763). */
const mdnsQuery = bytesOf(
  "000000000001000000000000095f7365727669636573075f646e732d7364045f756470056c6f63616c00000c8001"
)

const requests: ReadonlyMap<number, Uint8Array> = new Map([
  [53, dnsQuery],
  [69, tftpRequest],
  [123, ntpRequest],
  [161, snmpRequest],
  [5353, mdnsQuery]
])

/** Most services answer any datagram, or none. */
const empty = new Uint8Array(0)

/** Returns the datagram that tests a port. */
export const forPort = (port: number): Uint8Array => requests.get(port) ?? empty
