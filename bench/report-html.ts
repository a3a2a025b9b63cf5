export const toHtml = (_: unknown) => '';
