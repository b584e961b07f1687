/**
 * A `Sender` and a `Receiver` with a faulty channel between them, in virtual time. A packet takes 10 ms in either
 * direction.
 */
import * as Receiver from "../../../src/tftp/transfer/Receiver.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"
import * as Sender from "../../../src/tftp/transfer/Sender.ts"

/** A packet in the channel. */
export interface Packet {
  readonly kind: "DATA" | "ACK"
  /** The number of packets of its kind sent before it. */
  readonly index: number
  /** The block number without rollover; for an ACK, the highest block delivered. */
  readonly block: number
}

/** The parameters of an exchange. */
export interface Setup {
  readonly windowsize: number
  readonly rollover: 0 | 1
  /** The last block, which is empty; those before it have one byte. */
  readonly last: number
  /** The number of blocks acknowledged before the exchange. Default 0. */
  readonly from?: number
  /** True if the receiver has to learn the rollover. Default false. */
  readonly learnsRollover?: boolean
  /** True if the receiver knows the size. Default true. */
  readonly knowsSize?: boolean
  /** True if the receiver acknowledges again after a timeout. Default false. */
  readonly receiverHasTimer?: boolean
  /** True if the sender knows the round trip time from the start. Default true. */
  readonly isRttKnown?: boolean
  /** The extra delays of the copies of a packet, in ms; none is a loss. Default `[0]`. */
  readonly delaysOf?: (packet: Packet) => ReadonlyArray<number>
}

/** The result of an exchange. */
export interface Outcome {
  /** The highest block delivered in order; blocks delivered out of order are in `wrong`. */
  readonly delivered: number
  readonly wrong: ReadonlyArray<number>
  readonly finished: boolean
  readonly sizeMatches: boolean
  readonly data: number
  readonly acks: number
  /** The most blocks that the receiver buffered at once. */
  readonly maxBuffered: number
  /** The number of times each block was sent, from index 1; undefined for blocks never sent. */
  readonly timesSent: ReadonlyArray<number | undefined>
  readonly timeouts: number
  readonly gaps: number
  readonly rtt: Retransmission.RttEstimate | undefined
  readonly sender: Sender.State
}

interface Event {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Makes a priority queue of events, by time and then by insertion order. */
const makeEventQueue = () => {
  const heap: Array<Event> = []
  const before = (a: number, b: number) =>
    heap[a]!.at < heap[b]!.at || (heap[a]!.at === heap[b]!.at && heap[a]!.order < heap[b]!.order)
  const swap = (a: number, b: number) => {
    const event = heap[a]!
    heap[a] = heap[b]!
    heap[b] = event
  }
  let order = 0
  return {
    add: (at: number, run: () => void) => {
      let index = heap.push({ at, order: order++, run }) - 1
      for (let up = (index - 1) >> 1; index > 0 && before(index, up); up = (index - 1) >> 1) {
        swap(index, up)
        index = up
      }
    },
    take: (): Event | undefined => {
      const first = heap[0]
      const moved = heap.pop()
      if (first === undefined || moved === first) return first
      heap[0] = moved!
      for (let index = 0; ; ) {
        let least = index
        for (const child of [2 * index + 1, 2 * index + 2]) {
          if (child < heap.length && before(child, least)) least = child
        }
        if (least === index) return first
        swap(index, least)
        index = least
      }
    }
  }
}

/** The time that a packet is in transit. */
const latencyMillis = 10
/** The time that one DATA occupies the wire. */
const transmissionMillis = 0.001
/** The pause between bursts, as a fraction of the round trip time. */
const pauseRttFraction = 1 / 4
/** The shortest pause between bursts. */
const minPauseMillis = 0.5
/** The retransmission timeout of the sender. */
const senderTimeoutMillis = 90
/** The timeout of the receiver. */
const receiverTimeoutMillis = 250

/** Runs an exchange to its end. */
export const run = (setup: Setup): Outcome => {
  const { delaysOf = () => [0], from = 0, last, rollover, windowsize } = setup
  const events = makeEventQueue()
  let now = 0
  let sender: Sender.State = {
    ...Sender.start({ windowsize, rollover }),
    highAck: from,
    sndNext: from + 1,
    highData: from
  }
  sender = Sender.finish({ ...sender, burstEnd: from + sender.cwnd }, last)
  let receiver: Receiver.State = {
    ...Receiver.start({
      windowsize,
      blksize: 1,
      rollover: setup.learnsRollover === true ? undefined : rollover,
      tsize: setup.knowsSize === false ? undefined : last - 1 - from
    }),
    received: from,
    acked: from
  }
  let rtt = setup.isRttKnown === false ? undefined : Retransmission.observe(undefined, 2 * latencyMillis)
  let isDone = false
  let data = 0
  let acks = 0
  let timeouts = 0
  let gaps = 0
  let delivered = from
  let wireFreeAt = 0
  let resuming = false
  let lastDataAt = 0
  let lastAckAt = 0
  let maxBuffered = 0
  const buffered = new Set<number>()
  const wrong: Array<number> = []
  const timesSent: Array<number | undefined> = []

  const transmit = (packet: Packet, leaves: number, arrive: () => void) => {
    for (const late of delaysOf(packet)) events.add(leaves + latencyMillis + late, arrive)
  }
  const acknowledge = () => {
    const wire = Receiver.ackNumber(receiver)
    transmit({ kind: "ACK", index: acks++, block: receiver.received }, now, () => onAck(wire))
  }
  const onData = (block: number, wire: number) => {
    lastDataAt = now
    const [next, action] = Receiver.data(receiver, wire, block === last ? 0 : 1)
    receiver = next
    if (action === "Deliver" || action === "DeliverAndAck" || action === "DeliverLast") {
      if (block !== delivered + 1) wrong.push(block)
      else delivered = block
      for (let early = block + 1; early <= next.received; early++) {
        if (buffered.delete(early)) delivered = early
        else wrong.push(early)
      }
    }
    if (action === "Buffer" || action === "BufferAndAck") {
      if (buffered.has(block)) wrong.push(block)
      buffered.add(block)
      maxBuffered = Math.max(maxBuffered, buffered.size)
    }
    if (action !== "Deliver" && action !== "Buffer" && action !== "Ignore") acknowledge()
  }
  const onAck = (wire: number) => {
    const [next, verdict] = Sender.ack(sender, wire, now, rtt)
    sender = next
    if (verdict._tag === "Ignored") return
    lastAckAt = now
    if (verdict._tag === "Done") isDone = true
    if (verdict._tag === "Gap") gaps++
    if (verdict._tag === "Progress" && verdict.sample !== undefined) rtt = Retransmission.observe(rtt, verdict.sample)
    pump()
  }
  const pump = () => {
    while (!isDone && !resuming && sender.sndNext <= Sender.limit(sender)) {
      if (Sender.shouldPause(sender)) {
        resuming = true
        events.add(now + Math.max(minPauseMillis, (rtt?.smoothed ?? 0) * pauseRttFraction), () => {
          resuming = false
          // An ACK may have started another burst in the meantime.
          if (Sender.shouldPause(sender)) sender = Sender.resume(sender)
          pump()
        })
        return
      }
      const block = sender.sndNext
      const wire = Sender.toWire(rollover, block)
      wireFreeAt = Math.max(wireFreeAt, now) + transmissionMillis
      timesSent[block] = (timesSent[block] ?? 0) + 1
      transmit({ kind: "DATA", index: data++, block }, wireFreeAt, () => onData(block, wire))
      sender = Sender.sent(sender, now)
      lastAckAt = now
    }
  }
  const senderTimer = () => {
    if (now >= lastAckAt + senderTimeoutMillis) {
      timeouts++
      sender = Sender.timedOut(sender)
      lastAckAt = now
      pump()
    }
    events.add(lastAckAt + senderTimeoutMillis, senderTimer)
  }
  const receiverTimer = () => {
    if (now >= lastDataAt + receiverTimeoutMillis && !receiver.done) {
      receiver = Receiver.timedOut(receiver)
      lastDataAt = now
      acknowledge()
    }
    if (!receiver.done) events.add(lastDataAt + receiverTimeoutMillis, receiverTimer)
  }

  pump()
  events.add(senderTimeoutMillis, senderTimer)
  if (setup.receiverHasTimer === true) events.add(receiverTimeoutMillis, receiverTimer)
  for (let steps = 0; !isDone && steps < 20_000 + 100 * (last - from + windowsize); steps++) {
    const event = events.take()!
    now = event.at
    event.run()
  }
  const finished = isDone && receiver.done
  return {
    delivered,
    wrong,
    finished,
    sizeMatches: Receiver.sizeMatches(receiver),
    data,
    acks,
    maxBuffered,
    timesSent,
    timeouts,
    gaps,
    rtt,
    sender
  }
}
