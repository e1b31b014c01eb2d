// The tags of a person: shown, added and removed.

import { changeTags } from '/customers/person-api.js';
import { element } from '/reports/table.js';

const list = document.getElementById('tags');
const form = document.getElementById('add-tag');

/** Shows `tags`, and lets the user change them; `report(error)` shows an error, or nothing without one. */
export const showTags = (email, tags, report) => {
  const change = async (method, tag) => {
    form.querySelector('button').disabled = true;
    try {
      show(await changeTags(method, email, [tag]));
      report();
      return true;
    } catch (error) {
      report(error);
      return false;
    } finally {
      form.querySelector('button').disabled = false;
    }
  };
  const show = (tags) =>
    list.replaceChildren(...tags.map((tag) => {
      const button = element('button', { type: 'button', textContent: '×', ariaLabel: `Remove the tag ${tag}`, title: `Remove the tag ${tag}` });
      button.addEventListener('click', () => change('DELETE', tag));
      return element('li', {}, element('span', { textContent: tag }), button);
    }));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const tag = form.elements.tag.value.trim();
    if (tag && (await change('POST', tag))) form.reset();
  });
  show(tags);
};
