/**
 * LAN presence: peers that announce their status and track each other without a server, and the course's update
 * service.
 *
 * @since 0.1.0
 */

export * as HostStatus from "./HostStatus.ts"
export * as PeerTable from "./membership/PeerTable.ts"
export * as Suspicion from "./membership/Suspicion.ts"
export * as NodeHostStatus from "./NodeHostStatus.ts"
export * as Peer from "./Peer.ts"
export * as StatusError from "./StatusError.ts"
export * as StatusPeer from "./StatusPeer.ts"
export * as Broadcast from "./transport/Broadcast.ts"
export * as Mesh from "./transport/Mesh.ts"
export * as Multicast from "./transport/Multicast.ts"
export * as Relay from "./transport/Relay.ts"
export * as RelayClient from "./transport/RelayClient.ts"
export * as Transport from "./transport/Transport.ts"
export * as CoursePacket from "./wire/CoursePacket.ts"
export * as Dissector from "./wire/Dissector.ts"
export * as HeartbeatReceiver from "./wire/HeartbeatReceiver.ts"
export * as StatusPacket from "./wire/StatusPacket.ts"
