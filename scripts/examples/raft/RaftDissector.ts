/** Names and summaries of the messages, for diagrams and for rules of fault plans such as `kind=RequestVote`. */
import * as Option from "effect/Option"
import type { Packet } from "effect-inet/network"
import { decode, type Message } from "./RaftMessage.ts"

export const dissector: Packet.Dissector = {
  name: "raft",
  dissect: ({ bytes }) => {
    const message = Option.getOrUndefined(decode(bytes))
    return message && { kind: message._tag, summary: summaryOf(message) }
  }
}

const summaryOf = (message: Message): string => {
  switch (message._tag) {
    case "RequestVote":
      return `${message.isPre ? "would you vote" : "vote"} for me in ${message.term}? log ${message.lastIndex}@${message.lastTerm}`
    case "Vote":
      return `${message.isGranted ? "yes" : "no"}, in ${message.term}${message.isPre ? " (asked only)" : ""}`
    case "Append":
      return `Append ${message.entries.length} after ${message.previousIndex}@${message.previousTerm}, commit ${message.commit}`
    case "Install":
      return `Install ${message.snapshot.index}@${message.snapshot.term}`
    case "Appended":
      return `Appended ${message.isOk ? "up to" : "not, ends at"} ${message.index}`
    case "Submit":
      return `${message.request.client} ${message.request.serial}: ${message.request.operation._tag}`
    case "Change":
      return `${message.isMember ? "add" : "remove"} ${message.server}`
    case "Reply":
      return `${message.serial}: ${message.reply}`
    case "NotLeader":
      return `ask ${message.leader ?? "another"}`
  }
}
