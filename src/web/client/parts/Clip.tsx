/** Text from the network. Its direction of writing does not change that of the words around it. */

/** Shows a text on one line, cut at its box. The whole text is its title. */
export const Clip = (props: { readonly text: string; readonly class?: string }) => (
  <bdi class={`clip ${props.class ?? ""}`} title={props.text}>
    {props.text}
  </bdi>
)
