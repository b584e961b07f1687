/** Rot13: the cipher, its servers over TCP and UDP, and its client. @since 0.1.0 */
export * as Dissector from "./Dissector.ts"
export * as Rot13 from "./Rot13.ts"
export * as Rot13Client from "./Rot13Client.ts"
export * as Rot13Server from "./Rot13Server.ts"
export * as Rot13Udp from "./Rot13Udp.ts"
