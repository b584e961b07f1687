/** Text from the network. Its direction of writing does not change that of the words around it. */

/** Shows a text on one line, cut at its box. The whole text is its title. */
export const Clip = (props: { readonly text: string; readonly class?: string }) => (
  <bdi class={`clip ${props.class ?? ""}`} title={props.text}>
    {props.text}
  </bdi>
)

/** Shows a path on one line. Where it does not fit, its folders are cut before its name. */
export const ClipPath = ({ path }: { readonly path: string }) => {
  const nameAt = path.lastIndexOf("/") + 1
  return (
    <bdi class="clip-path mono" title={path}>
      {nameAt > 0 && <span class="clip-folder">{path.slice(0, nameAt)}</span>}
      <span class="clip-name">{path.slice(nameAt)}</span>
    </bdi>
  )
}
