/** Requests of a client as they are sent. */

import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpBodyWriter from "../message/HttpBodyWriter.ts"
import * as HttpEncoder from "../message/HttpEncoder.ts"
import * as HttpSyntax from "../message/HttpSyntax.ts"
import type { OutgoingRequest } from "./ClientExchange.ts"

/** Fields that the connection determines. */
const framing = new Set(["content-length", "transfer-encoding", "keep-alive", "host", "connection"])

/** Methods whose requests have a body by their meaning: an empty one is stated. */
const withBody = new Set(["POST", "PUT", "PATCH"])

const authorizationOf = ({ password, username }: URL): string | undefined =>
  username === "" && password === ""
    ? undefined
    : `Basic ${Base64.encode(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`

/** Returns the fields of the body's length. */
const lengthFields = (method: string, body: HttpBodyWriter.OutgoingBody, stated: string | undefined) => {
  if (body._tag === "Bytes") {
    return body.bytes.length > 0 || withBody.has(method) ? [["content-length", `${body.bytes.length}`] as const] : []
  }
  const length = body.length === undefined ? stated : `${body.length}`
  return length === undefined ? [["transfer-encoding", "chunked"] as const] : [["content-length", length] as const]
}

/** Returns a request as it is sent, or why it cannot be. */
export const make = Effect.fnUntraced(function* (
  { body, headers, method }: HttpClientRequest.HttpClientRequest,
  url: URL
): Effect.fn.Return<OutgoingRequest | string> {
  const outgoing = yield* HttpBodyWriter.fromBody(body)
  const authorization = headers.authorization === undefined ? authorizationOf(url) : undefined
  const isUpgrade = headers.upgrade !== undefined
  const isClose = headers.connection?.toLowerCase() === "close"
  const fields: Array<readonly [string, string]> = [["host", headers.host ?? url.host]]
  for (const [name, value] of Object.entries(headers)) if (!framing.has(name)) fields.push([name, value])
  if (authorization !== undefined) fields.push(["authorization", authorization])
  if (outgoing.contentType !== undefined && body._tag === "FormData") {
    const at = fields.findIndex(([name]) => name === "content-type")
    fields.splice(at < 0 ? fields.length : at, at < 0 ? 0 : 1, ["content-type", outgoing.contentType])
  }
  fields.push(...lengthFields(method, outgoing, headers["content-length"]))
  if (isUpgrade || isClose) fields.push(["connection", isUpgrade ? "Upgrade" : "close"])
  const invalid = HttpEncoder.findInvalidField(fields)
  if (invalid !== undefined) return `the field ${invalid} has characters that cannot be sent`
  if (!HttpSyntax.isToken(method)) return `the method ${JSON.stringify(method)} is not a token`
  return {
    method,
    target: url.pathname + url.search,
    fields,
    body: outgoing,
    isChunked: fields.some(([name]) => name === "transfer-encoding"),
    expectsContinue:
      headers.expect?.toLowerCase() === "100-continue" && (outgoing._tag === "Stream" || outgoing.bytes.length > 0)
  }
})
