/**
 * What is wrong with this page in each of `looks`, at the width it has: [look, fault, elements] of every objection.
 *
 * axe is there already. In the first look it judges by all `rules`; in the others, if `again`, by what a theme may
 * break: sizes in light ones alone, for a scheme is nothing but colours, and of small targets only; and texts.
 * Of texts that are alike (the same colours and size on the same grounds) it judges the first and the last, unless the
 * visit has shown their like before: where one can be read, so can the others, and where something lies over a text axe
 * gives no verdict.
 */
async ({ looks, rules, again }) => {
  const found = [];
  const judged = new Set(JSON.parse(sessionStorage.judged ?? "[]"));
  for (const [at, look] of looks.entries()) {
    Object.assign(document.documentElement.dataset, look);
    const over = document.documentElement.scrollWidth - innerWidth;
    if (over > 0) found.push([look, `${over} px too wide`, []]);
    if (at > 0 && !again) continue;
    // A colour half way from one theme to the next belongs to neither.
    for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
    const values = [];
    if (mark("data-judged", unlike())) values.push("color-contrast", "link-in-text-block");
    if (at > 0 && look.scheme === "light" && mark("data-small", small())) values.push("target-size");
    if (at > 0 && values.length === 0) continue;
    axe.configure({
      rules: [
        { id: "color-contrast", selector: "[data-judged]" },
        { id: "link-in-text-block", selector: "a[href][data-judged]" },
        { id: "target-size", selector: at > 0 ? "[data-small]" : "*" },
      ],
    });
    const runOnly = at > 0 ? { type: "rule", values } : rules;
    const { violations } = await axe.run({ runOnly, resultTypes: ["violations"] });
    for (const { id, nodes } of violations) found.push([look, id, nodes.map((node) => node.html)]);
  }
  sessionStorage.judged = JSON.stringify([...judged]);
  return found;

  /** The first and the last text of each kind that was not judged before. */
  function unlike() {
    const alike = new Map();
    const grounds = new Map([[null, { drawn: "", veils: "" }]]);
    for (const element of document.querySelectorAll("html, body, body *")) {
      const style = getComputedStyle(element);
      const ground = groundOf(style, grounds.get(element.parentElement));
      grounds.set(element, ground);
      if (!hasWords(element) || !element.checkVisibility()) continue;
      const { color, fontSize, fontWeight, textShadow } = style;
      const link = element.localName === "a" && getComputedStyle(element.parentElement).color + style.textDecorationLine;
      const off = element.matches(":disabled");
      const kind = [color, fontSize, fontWeight, textShadow, link, off, ground.drawn, ground.veils].join("|");
      if (judged.has(kind)) continue;
      const [first = element] = alike.get(kind) ?? [];
      alike.set(kind, [first, element]);
    }
    for (const kind of alike.keys()) judged.add(kind);
    return [...alike.values()].flat();
  }

  /** What lies below the text of an element: all that is drawn, from the last ground that nothing shines through. */
  function groundOf({ backgroundColor, backgroundImage, opacity, filter, position }, under) {
    const veil = `${opacity} ${filter}`;
    const veils = veil === "1 none" ? under.veils : `${under.veils}/${veil}`;
    const own = [backgroundColor, backgroundImage, position].join();
    if (own === "rgba(0, 0, 0, 0),none,static") return { drawn: under.drawn, veils };
    const hides = backgroundColor.startsWith("rgb(") && veils === "";
    return { drawn: hides ? own : `${under.drawn}/${own}`, veils };
  }

  function hasWords(element) {
    if (element.matches("input, select, textarea")) return true;
    return [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  }

  /** What may be hit and is not 24 px wide and high. */
  function small() {
    const targets = document.querySelectorAll("a, button, input, select, textarea, summary, [role], [tabindex]");
    return [...targets].filter((element) => {
      const { width, height } = element.getBoundingClientRect();
      return width < 24 || height < 24;
    });
  }

  /** Give these and no others the attribute; how many they are. */
  function mark(attribute, elements) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) element.removeAttribute(attribute);
    for (const element of elements) element.setAttribute(attribute, "");
    return elements.length;
  }
}
