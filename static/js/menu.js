// Menus are <details class="menu">: here they also close by Esc, by a click elsewhere and when one of their links is followed.
const open = () => document.querySelectorAll("details.menu[open]");

function close(menu, focus) {
  menu.open = false;
  if (focus) menu.querySelector("summary").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  for (const menu of open()) close(menu, menu.contains(document.activeElement));
});

document.addEventListener("click", ({target}) => {
  for (const menu of open()) {
    if (!menu.contains(target)) close(menu, false);
    else if (target.closest?.(".menu__list a, .menu__list button")) close(menu, true);
  }
});
