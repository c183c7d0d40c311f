//! Elements as assistive technology knows them: by the role and the name that the browser itself computes.
//!
//! A test that finds a button by role and name fails when the button stops being one, or is called otherwise.

use std::fmt;

use http::Method;
use serde_json::json;
use thirtyfour::{
    RequestData, SessionId, WebDriver, WebElement,
    common::command::FormatRequestData,
    error::{WebDriverErrorInner, WebDriverResult},
};

use super::Browser;

/// What an element is to people who use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Says at once that something is wrong.
    Alert,
    /// Does something.
    Button,
    /// The summary of a fold. Browsers give it roles of their own.
    Fold,
    /// Names what follows.
    Heading,
    /// Leads somewhere.
    Link,
    /// A part of the page.
    Region,
    /// A field for what is looked for.
    SearchBox,
    /// Says how things stand.
    Status,
    /// A field for text.
    TextBox,
}

impl Role {
    /// The role's name in WAI-ARIA; none where browsers differ.
    fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Alert => "alert",
            Self::Button => "button",
            Self::Fold => return None,
            Self::Heading => "heading",
            Self::Link => "link",
            Self::Region => "region",
            Self::SearchBox => "searchbox",
            Self::Status => "status",
            Self::TextBox => "textbox",
        })
    }

    /// A selector of the elements that may have the role. The browser says which of them do.
    fn candidates(self) -> &'static str {
        match self {
            Self::Alert => "[role=alert]",
            Self::Button => "button, [role=button]",
            Self::Fold => "summary",
            Self::Heading => "h1, h2, h3, h4",
            Self::Link => "a[href]",
            Self::Region => "section, [role=region]",
            Self::SearchBox => "input[type=search]",
            Self::Status => "[role=status]",
            Self::TextBox => "textarea, input[type=text]",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("fold"))
    }
}

/// Elements that are shown and that something in or around calls so. Which of them has the name, the browser says.
const SHOWN_WITH_NAME: &str = "
const [selector, name] = arguments;
const words = (text) => (text ?? '').replace(/\\s+/g, ' ').trim();
const called = (element) => [element.textContent, element.ariaLabel, element.title, element.placeholder,
  ...[...element.labels ?? []].map((label) => label.textContent)];
return [...document.querySelectorAll(selector)].filter((element) =>
  element.checkVisibility({ visibilityProperty: true }) && called(element).some((text) => words(text).includes(name)));";

impl Browser {
    /// The element of this role and name, if there is one to be seen now.
    pub fn find(&self, role: Role, name: &str) -> Option<WebElement> {
        let what = format!("{role} {name:?}");
        self.run(&what, async {
            let arguments = vec![json!(role.candidates()), json!(name)];
            let found = self.window().execute(SHOWN_WITH_NAME, arguments).await?;
            // Firefox says this of a page that was left meanwhile.
            if found.json().is_null() {
                return Ok(None);
            }
            for element in found.elements()? {
                match is_called(self.window(), &element, role, name).await {
                    Ok(true) => return Ok(Some(element)),
                    Ok(false) => {}
                    // The page drew it anew since.
                    Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(None)
        })
    }

    /// The element of this role and name, once it can be seen.
    pub fn get(&self, role: Role, name: &str) -> WebElement {
        self.wait_for(&format!("{role} {name:?}"), |browser| browser.find(role, name))
    }

    /// Whether an element of this role and name can be seen now.
    pub fn has(&self, role: Role, name: &str) -> bool {
        self.find(role, name).is_some()
    }

    /// Clicks the element of this role and name, once it can be seen.
    pub fn click(&self, role: Role, name: &str) {
        let element = self.get(role, name);
        self.run(name, async {
            element.scroll_into_view().await?;
            element.click().await
        });
    }

    /// Types into the field of this name, in place of what is in it.
    pub fn fill(&self, role: Role, name: &str, text: &str) {
        let element = self.get(role, name);
        self.run(name, async {
            element.clear().await?;
            element.send_keys(text).await
        });
    }

    /// Everything that can be read in the part of the page called `name`.
    pub fn region(&self, name: &str) -> String {
        let element = self.get(Role::Region, name);
        self.run(name, element.text())
    }

    /// Waits until the part of the page called `name` says `wanted`.
    pub fn wait_in_region(&self, name: &str, wanted: &str) {
        self.wait_for(&format!("{name:?} to say {wanted:?}"), |browser| {
            let element = browser.find(Role::Region, name)?;
            // It may be drawn anew at this moment.
            let text = browser.runtime.block_on(element.text()).ok()?;
            text.contains(wanted).then_some(())
        });
    }

    /// Waits until an alert or a status, which have no names, says `wanted`.
    pub fn wait_said(&self, role: Role, wanted: &str) {
        let said = "return [...document.querySelectorAll(arguments[0])].some((element) =>
            element.checkVisibility() && element.textContent.includes(arguments[1]))";
        self.wait_for(&format!("{role} with {wanted:?}"), |browser| {
            let arguments = vec![json!(role.candidates()), json!(wanted)];
            browser.js::<bool>(said, arguments).then_some(())
        });
    }

    /// Number of list items in the part of the page called `name`, without those in lists within them.
    pub fn items_in_region(&self, name: &str) -> usize {
        let element = self.get(Role::Region, name);
        self.run(name, async {
            let element = element.to_json()?;
            let count = "return [...arguments[0].querySelectorAll('li')].filter((item) => !item.parentElement.closest('li')).length";
            self.window().execute(count, vec![element]).await?.convert()
        })
    }
}

/// Whether the browser tells assistive technology of `element` by this role and name.
async fn is_called(
    window: &WebDriver,
    element: &WebElement,
    role: Role,
    name: &str,
) -> WebDriverResult<bool> {
    if computed(window, element, "label").await? != name {
        return Ok(false);
    }
    match role.name() {
        Some(role) => Ok(computed(window, element, "role").await? == role),
        None => Ok(true),
    }
}

/// The role or label that the browser computes for assistive technology.
async fn computed(window: &WebDriver, element: &WebElement, what: &'static str) -> WebDriverResult<String> {
    let element = element.element_id().to_string();
    let answer = window.cmd(Computed { element, what }).await?;
    answer.value()
}

/// WebDriver's "get computed role" and "get computed label".
#[derive(Debug)]
struct Computed {
    element: String,
    what: &'static str,
}

impl FormatRequestData for Computed {
    fn format_request(&self, session: &SessionId) -> RequestData {
        let Self { element, what } = self;
        RequestData::new(
            Method::GET,
            format!("/session/{session}/element/{element}/computed{what}"),
        )
    }
}
