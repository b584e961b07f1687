/** Probes of common services, in the order in which they are tried at a port that tells nothing. Pure. */
import { byText, detailOf, firstLine, type Identity, maxTextBytes, type ServiceProbe, textOf } from "./ServiceProbe.ts"
import * as UdpRequest from "./UdpRequest.ts"

const ascii = (text: string) => new TextEncoder().encode(text)

const banner = (service: string, ports: ReadonlyArray<number>, identify: ServiceProbe["identify"]): ServiceProbe => ({
  service,
  transport: "tcp",
  ports,
  identify
})

const request = (
  service: string,
  ports: ReadonlyArray<number>,
  bytes: Uint8Array,
  identify: ServiceProbe["identify"],
  isSelfDescribing = false
): ServiceProbe => ({ service, transport: "tcp", ports, request: bytes, identify, isSelfDescribing })

/** Mail servers and FTP servers both begin with 220: the text or the port tells which one it is. */
const smtpPorts = [25, 465, 587]
const ftpPorts = [21]

const byGreeting =
  (service: string, pattern: RegExp, ports: ReadonlyArray<number>): ServiceProbe["identify"] =>
  (reply, port) => {
    const [, detail] = /^220[ -]([^\r\n]*)\r?\n/.exec(textOf(reply)) ?? []
    if (detail === undefined || !(pattern.test(detail) || ports.includes(port))) return undefined
    return { service, detail: detailOf(detail) }
  }

/** Offset of the version in the first packet of a MySQL server, after a header of four bytes and the protocol. */
const mysqlVersionOffset = 5
const mysqlProtocolByte = 10

const identifyMysql: ServiceProbe["identify"] = (reply) => {
  const end = reply.indexOf(0, mysqlVersionOffset)
  if (reply[3] !== 0 || reply[4] !== mysqlProtocolByte || end === -1) return undefined
  const version = textOf(reply.subarray(mysqlVersionOffset, end))
  return /^\d+\.\d/.test(version) ? { service: "mysql", detail: detailOf(version) } : undefined
}

/** Interpret as command, the commands WILL, WONT, DO and DONT, and an option (RFC 854); IANA has given 50 of these. */
const IAC = 0xff
const isTelnet = (reply: Uint8Array) =>
  reply[0] === IAC && reply[1]! >= 0xfb && reply[1]! <= 0xfe && reply.length > 2 && reply[2]! < 50

const identifyHttp: ServiceProbe["identify"] = (reply) => {
  const text = textOf(reply)
  // The header must be complete, or as long as what is read.
  if (!/^HTTP\/\d\.\d \d{3}/.test(text) || !(/\n\r?\n/.test(text) || reply.length >= maxTextBytes)) return undefined
  const server = /^server: *(.*?)\r?$/im.exec(text)?.[1]
  return { service: "http", detail: detailOf(server ?? firstLine(text)) }
}

const redisVersion = /^redis_version:(.*?)\r?\n/m

/** Recognizes a server of the Redis protocol by its reply to INFO, or to a command that it does not accept. */
const identifyRedis: ServiceProbe["identify"] = (reply) => {
  const text = textOf(reply)
  const version = redisVersion.exec(text)?.[1]
  if (version !== undefined) return { service: "redis", detail: detailOf(`version ${version}`) }
  if (/^-(NOAUTH|NOPERM|DENIED) [^\n]*\n/.test(text))
    return { service: "redis", detail: detailOf(firstLine(text).slice(1)) }
  return /^-ERR (unknown command|wrong number of arguments)[^\n]*\n/i.test(text) ? { service: "redis" } : undefined
}

/** SSLRequest (protocol of PostgreSQL, "Message Formats"): the reply is one byte, before any login. */
const postgresRequest = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f)

const postgresReplies: ReadonlyMap<string, string> = new Map([
  ["S", "offers TLS"],
  ["N", "without TLS"]
])

const identifyPostgres: ServiceProbe["identify"] = (reply) => {
  const detail = reply.length === 1 ? postgresReplies.get(textOf(reply)) : undefined
  return detail === undefined ? undefined : { service: "postgresql", detail }
}

/** A DNS message over TCP begins with its length (RFC 1035, section 4.2.2). */
const dnsTcpRequest = Uint8Array.of(0, UdpRequest.dnsQuery.length, ...UdpRequest.dnsQuery)

/** Tests for a response, by the identifier of the query and the bit QR. */
const isDnsReply = (message: Uint8Array) =>
  message.length >= 12 &&
  message[0] === UdpRequest.dnsQuery[0] &&
  message[1] === UdpRequest.dnsQuery[1] &&
  (message[2]! & 0x80) !== 0

const dnsIdentity = (message: Uint8Array): Identity | undefined =>
  isDnsReply(message) ? { service: "dns" } : undefined

/**
 * A ClientHello of TLS 1.2 that offers common cipher suites, curves and signatures (RFC 5246, section 7.4.1.2). The
 * server replies with its ServerHello, or with an alert.
 */
const clientHello = (() => {
  const suites = [0xc02f, 0xc02b, 0xc030, 0xc02c, 0xcca8, 0xcca9, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035]
  const uint16 = (value: number) => [value >> 8, value & 0xff]
  const extension = (type: number, content: ReadonlyArray<number>) => [
    ...uint16(type),
    ...uint16(content.length),
    ...content
  ]
  const curves = [0x001d, 0x0017, 0x0018].flatMap(uint16)
  const signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0201].flatMap(uint16)
  const extensions = [
    ...extension(10, [...uint16(curves.length), ...curves]),
    ...extension(11, [1, 0]),
    ...extension(13, [...uint16(signatures.length), ...signatures])
  ]
  // The random bytes need not be random: nothing is encrypted with them.
  const random = Array.from({ length: 32 }, (_, index) => index)
  const body = [3, 3, ...random, 0, ...uint16(2 * suites.length), ...suites.flatMap(uint16), 1, 0]
  const hello = [...body, ...uint16(extensions.length), ...extensions]
  const handshake = [1, 0, ...uint16(hello.length), ...hello]
  return Uint8Array.from([22, 3, 1, ...uint16(handshake.length), ...handshake])
})()

const tlsVersions: ReadonlyMap<number, string> = new Map([
  [0x0301, "TLS 1.0"],
  [0x0302, "TLS 1.1"],
  [0x0303, "TLS 1.2"],
  [0x0304, "TLS 1.3"]
])

const httpsPorts = [443, 8443]
const tlsPorts = [...httpsPorts, 636, 853, 990, 993, 995]

/** Types of TLS records: alert, and handshake; and the type of the message of a handshake that a server sends first. */
const alertByte = 21
const handshakeByte = 22
const serverHelloByte = 2

/** Levels of alerts: warning, and fatal. */
const alertLevels = [1, 2]

/** Tests for a record with an alert, which is complete and not encrypted (RFC 5246, section 7.2). */
const isAlert = (reply: Uint8Array) =>
  reply[0] === alertByte && reply.length >= 7 && reply[3] === 0 && reply[4] === 2 && alertLevels.includes(reply[5]!)

/** Tests for a record with a ServerHello: a ClientHello comes back from a server that echoes. */
const isServerHello = (reply: Uint8Array) =>
  reply[0] === handshakeByte && reply.length > 10 && reply[5] === serverHelloByte && reply[9] === 3

const identifyTls: ServiceProbe["identify"] = (reply, port) => {
  if (reply[1] !== 3 || !(isAlert(reply) || isServerHello(reply))) return undefined
  const version = reply[0] === handshakeByte ? (reply[9]! << 8) | reply[10]! : 0
  return { service: httpsPorts.includes(port) ? "https" : "tls", detail: tlsVersions.get(version) ?? "TLS" }
}

const udp = (
  service: string,
  ports: ReadonlyArray<number>,
  bytes: Uint8Array,
  identify: ServiceProbe["identify"]
): ServiceProbe => ({ service, transport: "udp", ports, request: bytes, identify })

/** Tests for a packet of an NTP server: mode 4, and the time of the request (RFC 5905, section 7.3). */
const isNtp = (reply: Uint8Array) =>
  reply.length >= 48 &&
  (reply[0]! & 0x07) === 4 &&
  UdpRequest.ntpTransmitTime.every((byte, index) => reply[24 + index] === byte)

/** An ERROR packet of TFTP: opcode 5, and a code from 0 to 8. */
const isTftp = (reply: Uint8Array) =>
  reply.length >= 5 && reply[0] === 0 && reply[1] === 5 && reply[2] === 0 && reply[3]! <= 8

const tftpDetail = (reply: Uint8Array) => detailOf(textOf(reply.subarray(4)).replace(/\0.*$/s, ""))

/** Probes of servers that speak first. */
const banners: ReadonlyArray<ServiceProbe> = [
  banner("ssh", [22], byText("ssh", /^SSH-\d\.\d+-([^\r\n]*)\r?\n/)),
  banner("smtp", smtpPorts, byGreeting("smtp", /SMTP|\bmail\b/i, smtpPorts)),
  banner("ftp", ftpPorts, byGreeting("ftp", /FTP|\bfile\b/i, ftpPorts)),
  banner("pop3", [110], byText("pop3", /^\+OK ([^\r\n]*)\r?\n/)),
  banner("imap", [143], byText("imap", /^\* OK ([^\r\n]*)\r?\n/)),
  banner("mysql", [3306], identifyMysql),
  banner("telnet", [23], (reply) => (isTelnet(reply) ? { service: "telnet" } : undefined))
]

/** Probes of common services. @category constants @since 0.1.0 */
export const common: ReadonlyArray<ServiceProbe> = [
  ...banners,
  request("http", [80, 8_000, 8_008, 8_066, 8_080, 8_888], ascii("GET / HTTP/1.0\r\n\r\n"), identifyHttp, true),
  request("tls", tlsPorts, clientHello, identifyTls, true),
  request("redis", [6_379], ascii("INFO server\r\n"), identifyRedis, true),
  request("dns", [53], dnsTcpRequest, (reply) => dnsIdentity(reply.subarray(2))),
  request("postgresql", [5_432], postgresRequest, identifyPostgres),
  udp("dns", [53], UdpRequest.dnsQuery, dnsIdentity),
  udp("ntp", [123], UdpRequest.ntpRequest, (reply) => (isNtp(reply) ? { service: "ntp" } : undefined)),
  udp("tftp", [69, 6_969], UdpRequest.tftpRequest, (reply) =>
    isTftp(reply) ? { service: "tftp", detail: tftpDetail(reply) } : undefined
  )
]
