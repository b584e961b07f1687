/** Fields that follow from the packets before, and those of protocols without ports. */
import type { FieldTable } from "../../network/dissect/FieldDissector.ts"
import * as Arp from "../dissect/Arp.ts"
import * as Icmp from "../dissect/Icmp.ts"

/** Times since other packets, and numbers of conversations. */
const streamFields: FieldTable = {
  "frame.time_relative": ["seconds", "Time since the first packet"],
  "frame.time_delta": ["seconds", "Time since the packet before"],
  "tcp.stream": ["number", "Number of the TCP connection, from 0"],
  "tcp.seq": ["number", "Sequence number, relative to the first one"],
  "tcp.ack": ["number", "Acknowledgement number, relative to the first sequence number of the other end"],
  "udp.stream": ["number", "Number of the UDP conversation, from 0"]
}

export const detailFields: FieldTable = { ...streamFields, ...Icmp.fields, ...Arp.fields }
