/** Opening handshake of WebSocket (RFC 6455, section 4). */
import * as Base64 from "effect/encoding/Base64"
import * as HttpHead from "../message/HttpHead.ts"
import * as HttpSyntax from "../message/HttpSyntax.ts"
import * as Sha1 from "./Sha1.ts"

/** Constant of the RFC, appended to the key of the client. */
const magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

/** Returns the proof that a server has read the key of a client. */
export const acceptKey = (key: string): string => Base64.encode(Sha1.digest(HttpSyntax.encodeLatin1(key + magic)))

/** Returns the fields of the response to a request, or why it is refused. The first protocol offered is taken. */
export const accept = ({ fields, method }: HttpHead.RequestHead): HttpHead.Fields | string => {
  const key = HttpHead.firstValueOf(fields, "sec-websocket-key") ?? ""
  const version = HttpHead.firstValueOf(fields, "sec-websocket-version")
  if (method !== "GET") return `a WebSocket begins with GET, not ${method}`
  if (version !== "13") return `the version of WebSocket is 13, not ${version}`
  if (!/^[A-Za-z0-9+/]{22}==$/.test(key)) return "`Sec-WebSocket-Key` is not 16 bytes in base64"
  const [protocol] = HttpHead.valuesOf(fields, "sec-websocket-protocol").flatMap(HttpSyntax.elementsOf)
  return [
    ["connection", "Upgrade"],
    ["upgrade", "websocket"],
    ["sec-websocket-accept", acceptKey(key)],
    ...(protocol === undefined ? [] : [["sec-websocket-protocol", protocol] as const])
  ]
}

/** Returns the fields of a request; the key is 16 random bytes. */
export const request = (keyBytes: Uint8Array, protocols: ReadonlyArray<string>): HttpHead.Fields => [
  ["connection", "Upgrade"],
  ["upgrade", "websocket"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-key", Base64.encode(keyBytes)],
  ...(protocols.length === 0 ? [] : [["sec-websocket-protocol", protocols.join(", ")] as const])
]

/** Returns why a response does not open a WebSocket, or undefined. */
export const findFault = (
  { fields, status }: HttpHead.ResponseHead,
  keyBytes: Uint8Array,
  protocols: ReadonlyArray<string>
): string | undefined => {
  if (status !== 101) return `the server does not change to WebSocket (status ${status})`
  if (!HttpHead.elementsOf(fields, "connection").includes("upgrade")) return "the response has no `Connection: Upgrade`"
  if (HttpHead.firstValueOf(fields, "upgrade")?.toLowerCase() !== "websocket") return "the upgrade is not to WebSocket"
  if (HttpHead.firstValueOf(fields, "sec-websocket-accept") !== acceptKey(Base64.encode(keyBytes))) {
    return "`Sec-WebSocket-Accept` does not match the key"
  }
  if (HttpHead.firstValueOf(fields, "sec-websocket-extensions") !== undefined) return "no extension was offered"
  const protocol = HttpHead.firstValueOf(fields, "sec-websocket-protocol")
  return protocol === undefined || protocols.includes(protocol) ? undefined : `${protocol} was not offered as protocol`
}
