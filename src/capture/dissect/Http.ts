/** Dissector of HTTP/1 (RFC 9112): requests and responses, also over several segments. Pure. */
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as ByteReader from "./ByteReader.ts"
import * as HttpMessages from "./HttpMessages.ts"

const headerFields: ReadonlyMap<string, string> = new Map([
  ["host", "http.host"],
  ["user-agent", "http.user_agent"],
  ["referer", "http.referer"],
  ["content-type", "http.content_type"],
  ["server", "http.server"],
  ["location", "http.location"],
  ["connection", "http.connection"],
  ["transfer-encoding", "http.transfer_encoding"],
  ["authorization", "http.authorization"],
  ["cookie", "http.cookie"]
])

const fieldsOf = (head: HttpMessages.Head): ReadonlyArray<FieldDissector.Field> => {
  const { headers, method, reason, status, target, version } = head
  const length = headers.find(([name]) => name === "content-length")?.[1]
  return [
    ...(status === undefined
      ? ([
          ["http.request", true],
          ["http.request.method", method!],
          ["http.request.uri", target!],
          ["http.request.version", version]
        ] as const)
      : ([
          ["http.response", true],
          ["http.response.code", status],
          ["http.response.phrase", reason!],
          ["http.response.version", version]
        ] as const)),
    ...headers.flatMap(([name, value]): ReadonlyArray<FieldDissector.Field> => {
      const field = headerFields.get(name)
      return field === undefined ? [] : [[field, value]]
    }),
    ...(length !== undefined && /^\d{1,15}$/.test(length) ? ([["http.content_length", Number(length)]] as const) : [])
  ]
}

const dissectionOf = (head: HttpMessages.Head): FieldDissector.FieldDissection => {
  const { headers, method, reason, status, target } = head
  const host = headers.find(([name]) => name === "host")?.[1]
  const type = headers.find(([name]) => name === "content-type")?.[1]
  const about = status === undefined ? host : type
  const line = status === undefined ? `${method} ${target}` : `${status} ${reason}`.trim()
  const summary = about === undefined ? line : `${line}, ${about}`
  const kind = status === undefined ? "REQUEST" : "RESPONSE"
  return { kind, summary: TerminalText.truncate(TerminalText.escape(summary), 200), fields: fieldsOf(head) }
}

/** The dissector of HTTP/1. Kinds are `REQUEST` and `RESPONSE`. */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "http",
  ports: { tcp: [80, 8000, 8008, 8080, 8888, 3128, 631, 591] },
  fields: {
    "http.request": ["boolean", "The message is a request"],
    "http.request.method": ["text", "Method"],
    "http.request.uri": ["text", "Target of the request"],
    "http.request.version": ["text", "Version of a request, such as `HTTP/1.1`"],
    "http.response": ["boolean", "The message is a response"],
    "http.response.code": ["number", "Status code"],
    "http.response.phrase": ["text", "Text after the status code"],
    "http.response.version": ["text", "Version of a response"],
    "http.host": ["text", "Header Host"],
    "http.user_agent": ["text", "Header User-Agent"],
    "http.referer": ["text", "Header Referer"],
    "http.content_type": ["text", "Header Content-Type"],
    "http.content_length": ["number", "Header Content-Length, in bytes"],
    "http.server": ["text", "Header Server"],
    "http.location": ["text", "Header Location"],
    "http.connection": ["text", "Header Connection"],
    "http.transfer_encoding": ["text", "Header Transfer-Encoding"],
    "http.authorization": ["text", "Header Authorization"],
    "http.cookie": ["text", "Header Cookie"]
  },
  decode: ({ bytes, transport }) => {
    if (transport !== "tcp") return undefined
    const text = ByteReader.latin1(bytes.subarray(0, 65_536))
    const end = /\r?\n\r?\n/.exec(text)
    const head = end === null ? undefined : HttpMessages.parseHead(text.slice(0, end.index))
    return head === undefined ? undefined : dissectionOf(head)
  },
  recognizes: ({ bytes, transport }) => {
    if (transport !== "tcp") return false
    const line = ByteReader.latin1(bytes.subarray(0, 2_048)).split(/\r?\n/, 1)[0]!
    return /^HTTP\/1\.\d \d{3}/.test(line) || /^[A-Z]{3,16} \S+ HTTP\/1\.\d$/.test(line)
  },
  collector: FieldDissector.collector(HttpMessages.initial, (state, bytes) => {
    const [next, heads] = HttpMessages.step(state, bytes)
    return [next, heads.map(dissectionOf)]
  })
})
