//! Views: a description of elements, built into the document once and kept current by effects.
//!
//! Leptos' own typed views make a type, and with it machine code, of every combination of elements and
//! attributes: 100 KB more for this page. Here an element is one plain struct. The reactive side
//! stays Leptos': a closure among children or attributes runs in a render effect, again whenever a signal it
//! read has changed, and everything made in an earlier run is disposed of (docs/adr/0003).
//!
//! Elements get attributes, listeners and text nodes. Nothing here parses markup.

use std::borrow::Cow;

use leptos::{
    prelude::{GetValue, LocalStorage, SetValue, StoredValue, document},
    reactive::effect::RenderEffect,
};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{Element, Event, Node};

/// A piece of the page, not built yet.
pub(crate) enum View {
    /// Nothing at all.
    Nothing,
    /// A text node.
    Text(Cow<'static, str>),
    /// An element.
    Element(El),
    /// One after the other.
    Many(Vec<View>),
    /// Whatever the closure gives, again whenever a signal it read changes.
    Live(Box<dyn FnMut() -> View>),
}

/// An attribute's value.
pub(crate) enum Value {
    /// The attribute is not set.
    Absent,
    /// Fixed.
    Text(Cow<'static, str>),
    /// Set again whenever a signal it read changes.
    Live(Box<dyn FnMut() -> String>),
}

/// An element, not built yet. Boxed, because a chain of calls moves it at every step.
pub(crate) struct El(Box<Parts>);

/// A closure with the name of the class, property or event that it serves.
type Named<F> = (&'static str, Box<F>);

struct Parts {
    tag: &'static str,
    namespace: Option<&'static str>,
    attributes: Vec<(&'static str, Value)>,
    switches: Vec<Named<dyn FnMut() -> bool>>,
    properties: Vec<Named<dyn FnMut() -> JsValue>>,
    listeners: Vec<Named<dyn FnMut(Event)>>,
    reference: Option<Reference>,
    children: Vec<View>,
}

/// A hold on an element, filled when it is built.
#[derive(Clone, Copy)]
pub(crate) struct Reference(StoredValue<Option<Element>, LocalStorage>);

impl Reference {
    /// A hold on nothing yet.
    pub(crate) fn new() -> Self {
        Self(StoredValue::new_local(None))
    }

    /// The element, if it is built and of this type.
    pub(crate) fn get<T: JsCast>(self) -> Option<T> {
        self.0.try_get_value()??.dyn_into().ok()
    }
}

/// An element of HTML.
pub(crate) fn el(tag: &'static str) -> El {
    make(tag, None)
}

/// An element of SVG.
pub(crate) fn svg(tag: &'static str) -> El {
    make(tag, Some("http://www.w3.org/2000/svg"))
}

#[inline(never)]
fn make(tag: &'static str, namespace: Option<&'static str>) -> El {
    El(Box::new(Parts {
        tag,
        namespace,
        attributes: Vec::new(),
        switches: Vec::new(),
        properties: Vec::new(),
        listeners: Vec::new(),
        reference: None,
        children: Vec::new(),
    }))
}

impl El {
    /// Sets an attribute.
    pub(crate) fn attr(self, name: &'static str, value: impl IntoValue) -> Self {
        self.with_attribute(name, value.into_value())
    }

    /// Sets the classes.
    pub(crate) fn class(self, classes: impl IntoValue) -> Self {
        self.with_attribute("class", classes.into_value())
    }

    /// Names the element for tests and scripts.
    pub(crate) fn hook(self, name: &'static str) -> Self {
        self.with_attribute("data-test", Value::Text(Cow::Borrowed(name)))
    }

    #[inline(never)]
    fn with_attribute(mut self, name: &'static str, value: Value) -> Self {
        self.0.attributes.push((name, value));
        self
    }

    /// Adds or removes a class.
    pub(crate) fn class_if(mut self, class: &'static str, on: impl FnMut() -> bool + 'static) -> Self {
        self.0.switches.push((class, Box::new(on)));
        self
    }

    /// Sets a property of the element's object, such as `value`, where the attribute is only its first value.
    pub(crate) fn prop(mut self, name: &'static str, value: impl FnMut() -> JsValue + 'static) -> Self {
        self.0.properties.push((name, Box::new(value)));
        self
    }

    /// Listens to an event.
    pub(crate) fn on(self, event: &'static str, act: impl FnMut(Event) + 'static) -> Self {
        self.with_listener(event, Box::new(act))
    }

    #[inline(never)]
    fn with_listener(mut self, event: &'static str, act: Box<dyn FnMut(Event)>) -> Self {
        self.0.listeners.push((event, act));
        self
    }

    /// Fills `reference` when the element is built.
    pub(crate) fn reference(mut self, reference: Reference) -> Self {
        self.0.reference = Some(reference);
        self
    }

    /// Adds what stands inside.
    pub(crate) fn child(self, child: impl IntoView) -> Self {
        self.with_child(child.into_view())
    }

    #[inline(never)]
    fn with_child(mut self, child: View) -> Self {
        self.0.children.push(child);
        self
    }
}

impl Parts {
    fn build(self) -> Element {
        // Both fail only for names that are none; all of ours are constants.
        let made = match self.namespace {
            Some(namespace) => document().create_element_ns(Some(namespace), self.tag),
            None => document().create_element(self.tag),
        };
        let element = made.unwrap_or_else(|_| document().create_element("span").expect("span is an element"));
        for (name, value) in self.attributes {
            set_attribute(&element, name, value);
        }
        for (class, mut on) in self.switches {
            let list = element.class_list();
            effect(Box::new(move || drop(list.toggle_with_force(class, on()))));
        }
        for (event, act) in self.listeners {
            let listener = Closure::<dyn FnMut(Event)>::wrap(act).into_js_value();
            let _ = element.add_event_listener_with_callback(event, listener.unchecked_ref());
        }
        for child in self.children {
            child.build(&element, None);
        }
        // After the children: a select or progress takes its value only then.
        for (name, mut value) in self.properties {
            let target = element.clone();
            effect(Box::new(move || {
                drop(js_sys::Reflect::set(&target, &name.into(), &value()));
            }));
        }
        if let Some(Reference(held)) = self.reference {
            held.set_value(Some(element.clone()));
        }
        element
    }
}

fn set_attribute(element: &Element, name: &'static str, value: Value) {
    // Fails only for names that are none; all of ours are constants.
    match value {
        Value::Absent => {}
        Value::Text(text) => drop(element.set_attribute(name, &text)),
        Value::Live(mut read) => {
            let element = element.clone();
            effect(Box::new(move || drop(element.set_attribute(name, &read()))));
        }
    }
}

impl View {
    /// Builds the view into `parent`, before `before` or at the end.
    fn build(self, parent: &Node, before: Option<&Node>) {
        match self {
            Self::Nothing => {}
            Self::Text(text) => insert(parent, &document().create_text_node(&text), before),
            Self::Element(element) => insert(parent, &element.0.build(), before),
            Self::Many(views) => views.into_iter().for_each(|view| view.build(parent, before)),
            Self::Live(view) => build_live(view, parent, before),
        }
    }
}

/// Two empty text nodes stand around what the closure gave; all between them is replaced when it runs again.
fn build_live(mut view: Box<dyn FnMut() -> View>, parent: &Node, before: Option<&Node>) {
    let (start, end) = (document().create_text_node(""), document().create_text_node(""));
    insert(parent, &start, before);
    insert(parent, &end, before);
    effect(Box::new(move || {
        let view = view();
        let Some(parent) = end.parent_node() else { return };
        while let Some(old) = start.next_sibling().filter(|node| !node.is_same_node(Some(&end))) {
            if parent.remove_child(&old).is_err() {
                break;
            }
        }
        view.build(&parent, Some(&end));
    }));
}

fn insert(parent: &Node, child: &Node, before: Option<&Node>) {
    // Fails only when `before` is no child of `parent`, and it always is: see `build_live`.
    let _ = parent.insert_before(child, before);
}

/// Runs `act` now and whenever a signal it read changes, until the effect around it runs again.
fn effect(mut act: Box<dyn FnMut()>) {
    // The arena of the running owner holds it, and drops it with everything else of that run.
    StoredValue::new_local(RenderEffect::new(move |_| act()));
}

/// Builds `view` into the body.
pub(crate) fn mount(view: impl IntoView) {
    if let Some(body) = document().body() {
        view.into_view().build(&body, None);
    }
}

/// What can stand among children.
pub(crate) trait IntoView {
    /// The view.
    fn into_view(self) -> View;
}

impl IntoView for View {
    fn into_view(self) -> View {
        self
    }
}

impl IntoView for El {
    fn into_view(self) -> View {
        View::Element(self)
    }
}

impl IntoView for &'static str {
    fn into_view(self) -> View {
        View::Text(Cow::Borrowed(self))
    }
}

impl IntoView for String {
    fn into_view(self) -> View {
        View::Text(Cow::Owned(self))
    }
}

impl<T: IntoView> IntoView for Option<T> {
    fn into_view(self) -> View {
        self.map_or(View::Nothing, IntoView::into_view)
    }
}

impl<T: IntoView> IntoView for Vec<T> {
    fn into_view(self) -> View {
        View::Many(self.into_iter().map(IntoView::into_view).collect())
    }
}

impl<T: IntoView, F: FnMut() -> T + 'static> IntoView for F {
    fn into_view(mut self) -> View {
        View::Live(Box::new(move || self().into_view()))
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => { $(
        impl<$($name: IntoView),+> IntoView for ($($name,)+) {
            #[expect(non_snake_case, reason = "each value is named like its type")]
            fn into_view(self) -> View {
                let ($($name,)+) = self;
                View::Many(vec![$($name.into_view()),+])
            }
        }
    )+ };
}

tuples! { (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }

/// What an attribute can be set to.
pub(crate) trait IntoValue {
    /// The value.
    fn into_value(self) -> Value;
}

impl IntoValue for &'static str {
    fn into_value(self) -> Value {
        Value::Text(Cow::Borrowed(self))
    }
}

impl IntoValue for String {
    fn into_value(self) -> Value {
        Value::Text(Cow::Owned(self))
    }
}

/// Present and empty, or absent.
impl IntoValue for bool {
    fn into_value(self) -> Value {
        if self {
            Value::Text(Cow::Borrowed(""))
        } else {
            Value::Absent
        }
    }
}

impl<F: FnMut() -> String + 'static> IntoValue for F {
    fn into_value(self) -> Value {
        Value::Live(Box::new(self))
    }
}
