/** The requests that wait for their turn: the newest begins first, and the oldest is dropped if there are too many. */

/** A set of requests, with access to both of its ends. */
export interface WaitingRequests<A> {
  readonly size: () => number
  readonly has: (request: A) => boolean
  /** Adds a request, or one that is in the set again: it becomes the newest. */
  readonly add: (request: A) => void
  readonly remove: (request: A) => void
  readonly newest: () => A | undefined
  readonly oldest: () => A | undefined
  /** Returns the oldest request that matches. */
  readonly find: (matches: (request: A) => boolean) => A | undefined
}

/** Number of removed requests in the list by age, above which they are removed from it. */
const maxRemovedRequests = 1_024

/** Makes an empty set. */
export const make = <A>(): WaitingRequests<A> => {
  const requests = new Set<A>()
  /** The requests, the newest last, and some that were removed. */
  let byAge: Array<A> = []
  return {
    size: () => requests.size,
    has: (request) => requests.has(request),
    add: (request) => {
      requests.delete(request)
      requests.add(request)
      byAge.push(request)
      if (byAge.length > requests.size + maxRemovedRequests) byAge = [...requests]
    },
    remove: (request) => {
      requests.delete(request)
    },
    newest: () => {
      while (byAge.length > 0 && !requests.has(byAge.at(-1)!)) byAge.pop()
      return byAge.at(-1)
    },
    oldest: () => requests.values().next().value,
    find: (matches) => {
      for (const request of requests) if (matches(request)) return request
      return undefined
    }
  }
}
