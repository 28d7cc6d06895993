package httpapi

// Route is a line of the table.
type Route struct{ Method, Path string }

// Routes returns the whole table.
func Routes() []Route {
	var out []Route
	for _, r := range (Config{}).routes() {
		out = append(out, Route{r.method, r.path})
	}
	return out
}
