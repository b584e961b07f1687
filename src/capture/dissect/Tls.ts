/** Dissector of TLS: hello messages with name, version and protocols, and the kinds of other records. Pure. */
import * as FieldDissector from "../../network/dissect/FieldDissector.ts"
import * as TerminalText from "../../network/TerminalText.ts"
import * as TlsHandshake from "./TlsHandshake.ts"

const { contentTypes, handshakeTypes } = TlsHandshake

const versionNames: Readonly<Record<number, string>> = {
  768: "SSL 3.0",
  769: "TLS 1.0",
  770: "TLS 1.1",
  771: "TLS 1.2",
  772: "TLS 1.3"
}

const handshakeNames: Readonly<Record<number, string>> = {
  0: "HelloRequest",
  1: "ClientHello",
  2: "ServerHello",
  4: "NewSessionTicket",
  8: "EncryptedExtensions",
  11: "Certificate",
  12: "ServerKeyExchange",
  13: "CertificateRequest",
  14: "ServerHelloDone",
  15: "CertificateVerify",
  16: "ClientKeyExchange",
  20: "Finished",
  22: "CertificateStatus",
  24: "KeyUpdate"
}

/** Returns the newest version of a hello that is not a reserved value (GREASE, RFC 8701). */
const versionOf = ({ supportedVersions, version }: TlsHandshake.Handshake): number | undefined =>
  Math.max(version ?? 0, ...supportedVersions.filter((each) => versionNames[each] !== undefined)) || undefined

const handshakeText = (handshake: TlsHandshake.Handshake): string => {
  const { protocols, serverName, type } = handshake
  const name = handshakeNames[type] ?? `handshake ${type}`
  if (type !== handshakeTypes.clientHello && type !== handshakeTypes.serverHello) return name
  const version = versionOf(handshake)
  return [
    serverName === undefined ? name : `${name} ${serverName}`,
    ...(version === undefined ? [] : [versionNames[version] ?? `version 0x${version.toString(16)}`]),
    ...(protocols.length === 0 ? [] : [`ALPN ${protocols.join(" ")}`])
  ].join(", ")
}

const recordText = ({ alert, handshakes, isEncrypted, length, type }: TlsHandshake.TlsRecord): string => {
  switch (type) {
    case contentTypes.changeCipherSpec:
      return "ChangeCipherSpec"
    case contentTypes.alert:
      return alert === undefined ? "encrypted alert" : `${alert[0] === 2 ? "fatal alert" : "alert"} ${alert[1]}`
    case contentTypes.handshake:
      return isEncrypted ? "encrypted handshake" : handshakes.map(handshakeText).join(", ") || "part of a handshake"
    case contentTypes.applicationData:
      return `application data, ${length} bytes`
    default:
      return "heartbeat"
  }
}

const kinds: Readonly<Record<number, string>> = {
  [contentTypes.changeCipherSpec]: "ChangeCipherSpec",
  [contentTypes.alert]: "Alert",
  [contentTypes.handshake]: "Handshake",
  [contentTypes.applicationData]: "ApplicationData",
  [contentTypes.heartbeat]: "Heartbeat"
}

const fieldsOf = (record: TlsHandshake.TlsRecord): ReadonlyArray<FieldDissector.Field> => [
  ["tls.record.version", record.version],
  ...(record.type === contentTypes.handshake ? ([["tls.handshake", true]] as const) : []),
  ...record.handshakes.flatMap(
    (handshake): ReadonlyArray<FieldDissector.Field> => [
      ["tls.handshake.type", handshake.type],
      ...(handshake.version === undefined ? [] : ([["tls.handshake.version", handshake.version]] as const)),
      ...(handshake.serverName === undefined
        ? []
        : ([["tls.handshake.extensions_server_name", handshake.serverName]] as const)),
      ...handshake.protocols.map((name): FieldDissector.Field => ["tls.handshake.extensions_alpn_str", name]),
      ...handshake.supportedVersions.map(
        (version): FieldDissector.Field => ["tls.handshake.extensions.supported_version", version]
      ),
      ...handshake.cipherSuites.map((suite): FieldDissector.Field => ["tls.handshake.ciphersuite", suite]),
      ...handshake.extensions.map((type): FieldDissector.Field => ["tls.handshake.extension.type", type])
    ]
  ),
  ...(record.alert === undefined
    ? []
    : ([
        ["tls.alert_message.level", record.alert[0]],
        ["tls.alert_message.desc", record.alert[1]]
      ] as const))
]

const dissectionOf = (record: TlsHandshake.TlsRecord): FieldDissector.FieldDissection => {
  const [first] = record.handshakes
  const kind = first === undefined ? kinds[record.type]! : (handshakeNames[first.type] ?? "Handshake")
  const summary = TerminalText.truncate(TerminalText.escape(recordText(record)), 200)
  return { kind, summary, fields: fieldsOf(record) }
}

/** The segment with the start of a record, which Wireshark counts as TLS, too. */
const startOfRecord: FieldDissector.FieldDissection = { kind: "Part", summary: "start of a record", fields: [] }

/** The dissector of TLS. Kinds are names of handshake messages and of records, such as `ClientHello`. */
export const dissector: FieldDissector.FieldDissector = FieldDissector.make({
  name: "tls",
  ports: { tcp: [443, 465, 636, 853, 989, 990, 992, 993, 994, 995] },
  fields: {
    "tls.record.version": ["number", "Version of a record: 0x0303 is TLS 1.2"],
    "tls.handshake": ["protocol", "A record of the handshake"],
    "tls.handshake.type": ["number", "Handshake message: ClientHello is 1, ServerHello 2, Certificate 11"],
    "tls.handshake.version": ["number", "Version of a hello; 0x0303 in TLS 1.3, too"],
    "tls.handshake.extensions_server_name": ["text", "Name of the server (SNI)"],
    "tls.handshake.extensions_alpn_str": ["text", "Protocol of the application (ALPN)"],
    "tls.handshake.extensions.supported_version": ["number", "Version that is offered or chosen: 0x0304 is TLS 1.3"],
    "tls.handshake.ciphersuite": ["number", "Cipher suite that is offered or chosen"],
    "tls.handshake.extension.type": ["number", "Type of an extension"],
    "tls.alert_message.level": ["number", "Level of an alert: 2 is fatal"],
    "tls.alert_message.desc": ["number", "Description of an alert"]
  },
  decode: ({ bytes, transport }) => {
    if (transport !== "tcp" || !TlsHandshake.isRecordStart(bytes)) return undefined
    const [, { records }] = TlsHandshake.step(TlsHandshake.initial, { afterGap: false, bytes, fromClient: true })
    return records[0] === undefined ? undefined : dissectionOf(records[0])
  },
  recognizes: ({ bytes, transport }) => transport === "tcp" && TlsHandshake.isRecordStart(bytes),
  collector: FieldDissector.collector(TlsHandshake.initial, (state, bytes) => {
    const [next, { beginsRecord, records }] = TlsHandshake.step(state, bytes)
    return [next, records.length === 0 && beginsRecord ? [startOfRecord] : records.map(dissectionOf)]
  })
})
