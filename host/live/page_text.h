/* The page's own texts. */
#ifndef ADAFIRE_PAGE_TEXT_H
#define ADAFIRE_PAGE_TEXT_H

extern const char page_html[], page_css[], page_js[];

#endif
